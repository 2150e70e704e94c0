/* SPDX-License-Identifier: Apache-2.0
 *
 * test_verdict_name.c - names that honest checkpoints hold must not be called
 * dangerous; names that attacks use must be.
 */
#include "verdict.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct name {
	const char *module;
	const char *name;
	bool called;
};

static const struct name honest[] = {
	{ "collections", "OrderedDict", false },
	{ "collections", "OrderedDict", true },
	{ "collections", "defaultdict", true },
	{ "collections", "deque", true },
	{ "collections", "Counter", true },
	{ "datetime", "datetime", true },
	{ "datetime", "date", true },
	{ "datetime", "timedelta", true },
	{ "datetime", "timezone", true },
	{ "decimal", "Decimal", true },
	{ "fractions", "Fraction", true },
	{ "uuid", "UUID", true },
	{ "pathlib", "PosixPath", true },
	{ "pathlib", "WindowsPath", true },
	{ "pathlib", "PurePosixPath", true },
	{ "pathlib._local", "PosixPath", true },
	{ "itertools", "count", true },
	{ "argparse", "Namespace", true },
	{ "types", "SimpleNamespace", true },
	{ "builtins", "set", true },
	{ "builtins", "frozenset", true },
	{ "builtins", "bytearray", true },
	{ "builtins", "bytes", true },
	{ "builtins", "complex", true },
	{ "builtins", "range", true },
	{ "builtins", "slice", true },
	{ "builtins", "int", true },
	{ "builtins", "float", true },
	{ "builtins", "str", true },
	{ "builtins", "bool", true },
	{ "builtins", "object", true },
	{ "builtins", "dict", false },
	{ "builtins", "list", false },
	{ "builtins", "tuple", false },
	{ "__builtin__", "set", true },
	{ "__builtin__", "object", true },
	{ "__builtin__", "unicode", true },
	{ "__builtin__", "long", true },
	{ "__builtin__", "xrange", true },
	{ "__builtin__", "list", false },
	{ "copyreg", "_reconstructor", true },
	{ "copyreg", "__newobj__", true },
	{ "copy_reg", "_reconstructor", true },
	{ "_codecs", "encode", true },
	{ "array", "_array_reconstructor", true },
	{ "typing", "Any", false },
	{ "typing", "Union", false },
	{ "typing", "Optional", false },
	{ "builtins", "Ellipsis", false },
	{ "numpy.random._pcg64", "PCG64", true },
	{ "numpy.random._mt19937", "MT19937", true },
	{ "numpy.ma", "MaskedArray", true },
	{ "numpy.polynomial.polynomial", "Polynomial", true },
	{ "numpy", "poly1d", true },
	{ "scipy.sparse._dok", "dok_array", true },
	{ "scipy.sparse._coo", "coo_array", true },
	{ "torch.utils.data.dataset", "TensorDataset", true },
	{ "torch.utils.data.sampler", "RandomSampler", true },
	{ "torch", "tanh", false },
	{ "torch", "relu", false },
	{ "torch", "abs", false },
	{ "torch", "zeros_like", false },
	{ "torch", "dtype", false },
	{ "torch.nn.functional", "gelu", false },
	{ "torch._C._nn", "gelu", false },
	{ "torch.nn.init", "xavier_uniform_", false },
	{ "torch.utils.data._utils.collate", "default_collate", false },
	{ "torch._tensor", "Tensor.relu", false },
	{ "numpy", "mean", false },
	{ "numpy", "absolute", false },
	{ "numpy.core.fromnumeric", "mean", false },
	{ "numpy", "floating", false },
	{ "numpy.rec", "recarray", false },
	{ "torch", "float7", false },
	{ "torch", "uint4", false },
	{ "numpy", "memmap", false },
	{ "torch", "ScriptObject", true },
	{ "torch._C", "Generator", true },
	{ "transformers.training_args", "TrainingArguments", true },
	{ "transformers.trainer_utils", "SchedulerType", true },
	{ "transformers.trainer_utils", "IntervalStrategy", true },
	{ "transformers.trainer_utils", "HubStrategy", true },
	{ "transformers.training_args", "OptimizerNames", true },
	{ "transformers.trainer_pt_utils", "AcceleratorConfig", true },
	{ "transformers.models.bert.configuration_bert", "BertConfig", true },
	{ "transformers.models.bert.modeling_bert", "BertModel", true },
	{ "transformers.tokenization_utils_base", "BatchEncoding", true },
	{ "transformers.trainer_callback", "TrainerState", true },
	{ "transformers.activations", "gelu", false },
	{ "transformers.activations", "gelu_new", false },
	{ "transformers.activations", "GELUActivation", true },
	{ "transformers.activations", "ACT2CLS", true },
	{ "accelerate.utils.dataclasses", "DistributedType", true },
	{ "accelerate.state", "PartialState", true },
	{ "trl.trainer.sft_config", "SFTConfig", true },
	{ "peft.tuners.lora", "LoraConfig", true },
	{ "peft.utils.peft_types", "PeftType", true },
	{ "fairseq.data.dictionary", "Dictionary", true },
	{ "fairseq.dataclass.configs", "FairseqConfig", true },
	{ "fairseq.tasks.language_modeling", "LanguageModelingConfig", true },
	{ "fairseq.meters", "AverageMeter", true },
	{ "fairseq.dataclass.constants", "ChoiceEnum", true },
	{ "omegaconf.dictconfig", "DictConfig", true },
	{ "omegaconf.listconfig", "ListConfig", true },
	{ "omegaconf.base", "ContainerMetadata", true },
	{ "omegaconf.base", "Metadata", true },
	{ "omegaconf.nodes", "AnyNode", true },
	{ "omegaconf.nodes", "StringNode", true },
	{ "pytorch_lightning.callbacks.model_checkpoint",
	    "ModelCheckpoint", true },
	{ "pytorch_lightning.utilities.parsing", "AttributeDict", true },
	{ "pytorch_lightning.callbacks.early_stopping", "EarlyStopping", true },
	{ "lightning.fabric.utilities.data", "AttributeDict", true },
	{ "lightning_fabric.utilities.data", "AttributeDict", true },
	{ "ultralytics.nn.tasks", "DetectionModel", true },
	{ "ultralytics.nn.modules.conv", "Conv", true },
	{ "ultralytics.nn.modules.block", "C2f", true },
	{ "ultralytics.utils", "IterableSimpleNamespace", true },
	{ "models.yolo", "Model", true },
	{ "models.common", "Conv", true },
	{ "models.common", "C3", true },
	{ "models.yolo", "Detect", true },
	{ "utils.autoanchor", "Something", true },
	{ "timm.models.vision_transformer", "VisionTransformer", true },
	{ "torchvision.models.resnet", "ResNet", true },
	{ "torchvision.models.resnet", "Bottleneck", true },
	{ "torchvision.transforms.transforms", "Compose", true },
	{ "torchvision.ops.misc", "FrozenBatchNorm2d", true },
	{ "torchvision.models.resnet", "resnet50", false },
	{ "sentence_transformers.models.Pooling", "Pooling", true },
	{ "flair.data", "Dictionary", true },
	{ "flair.embeddings", "WordEmbeddings", true },
	{ "speechbrain.dataio.encoder", "CategoricalEncoder", true },
	{ "detectron2.config.config", "CfgNode", true },
	{ "yacs.config", "CfgNode", true },
	{ "mmcv.utils.config", "ConfigDict", true },
	{ "mmengine.config.config", "ConfigDict", true },
	{ "mmengine.logging.history_buffer", "HistoryBuffer", true },
	{ "easydict", "EasyDict", true },
	{ "addict.addict", "Dict", true },
	{ "munch", "Munch", true },
	{ "box.box", "Box", true },
	{ "hydra.conf", "HydraConf", true },
	{ "rvc", "Synthesizer", true },
	{ "whisper.model", "ModelDimensions", true },
	{ "nemo.collections.asr", "Config", true },
	{ "espnet.nets", "E2E", true },
	{ "stable_baselines3.common.policies", "ActorCriticPolicy", true },
	{ "gym.spaces.box", "Box", true },
	{ "gymnasium.spaces.discrete", "Discrete", true },
	{ "sklearn.linear_model._logistic", "LogisticRegression", true },
	{ "sklearn.ensemble._forest", "RandomForestClassifier", true },
	{ "sklearn.tree._tree", "Tree", true },
	{ "sklearn.preprocessing._data", "StandardScaler", true },
	{ "sklearn.pipeline", "Pipeline", true },
	{ "sklearn.neighbors._dist_metrics", "newObj", true },
	{ "sklearn._loss._loss", "__pyx_unpickle_CyHalfBinomialLoss", true },
	{ "sklearn.externals.joblib.numpy_pickle", "NumpyArrayWrapper", true },
	{ "joblib.numpy_pickle", "NumpyArrayWrapper", true },
	{ "scipy.sparse._csr", "csr_matrix", true },
	{ "scipy.sparse.csr", "csr_matrix", true },
	{ "scipy.sparse._csc", "csc_matrix", true },
	{ "pandas.core.frame", "DataFrame", true },
	{ "pandas.core.series", "Series", true },
	{ "pandas.core.internals.managers", "BlockManager", true },
	{ "pandas._libs.internals", "_unpickle_block", true },
	{ "pandas.core.indexes.base", "_new_Index", true },
	{ "pandas.core.indexes.base", "Index", true },
	{ "xgboost.core", "Booster", true },
	{ "xgboost.sklearn", "XGBClassifier", true },
	{ "lightgbm.basic", "Booster", true },
	{ "__main__", "Net", true },
	{ "__main__", "Config", true },
	{ "__main__", "_Private", true },
	{ "__main__", "loss_function", false },
	{ "__main__", "Net.forward", false },
	{ "mypackage.functions", "relu", false },
	{ "einops.layers.torch", "Rearrange", false },
	{ "__torch__.models", "Net", true },
	{ "__torch__.torch.nn.modules.linear", "Linear", true },
	{ "__torch__.torch.nn.modules.container.___torch_mangle_4",
	    "Sequential", true },
	{ "torch._utils", "_rebuild_tensor_v2", true },
	{ "torch._utils", "_rebuild_tensor", true },
	{ "torch._utils", "_rebuild_parameter", true },
	{ "torch._utils", "_rebuild_qtensor", true },
	{ "torch._utils", "_rebuild_sparse_tensor", true },
	{ "torch._tensor", "_rebuild_from_type_v2", true },
	{ "torch.storage", "_load_from_bytes", true },
	{ "torch", "FloatStorage", false },
	{ "torch", "HalfStorage", false },
	{ "torch", "BFloat16Storage", false },
	{ "torch", "LongStorage", false },
	{ "torch.cuda", "FloatStorage", false },
	{ "torch.storage", "UntypedStorage", false },
	{ "torch", "device", true },
	{ "torch", "Size", true },
	{ "torch.serialization", "_get_layout", true },
	{ "torch", "float32", false },
	{ "torch", "bfloat16", false },
	{ "torch", "float16", false },
	{ "torch", "Tensor", false },
	{ "torch.nn.parameter", "Parameter", false },
	{ "torch.nn.modules.linear", "Linear", true },
	{ "torch.nn.modules.conv", "Conv2d", true },
	{ "torch.nn.modules.batchnorm", "BatchNorm2d", true },
	{ "torch.nn.modules.activation", "ReLU", true },
	{ "torch.nn.modules.container", "Sequential", true },
	{ "torch.nn.modules.container", "ModuleList", true },
	{ "torch.nn.modules.normalization", "LayerNorm", true },
	{ "torch.nn.modules.sparse", "Embedding", true },
	{ "torch.nn.modules.dropout", "Dropout", true },
	{ "torch.nn.modules.rnn", "LSTM", true },
	{ "torch.nn.modules.loss", "CrossEntropyLoss", true },
	{ "torch.nn.modules.pooling", "MaxPool2d", true },
	{ "torch.nn.modules.upsampling", "Upsample", true },
	{ "torch.nn.functional", "relu", false },
	{ "torch.nn.functional", "gelu", false },
	{ "torch._C._nn", "gelu", false },
	{ "torch", "tanh", false },
	{ "torch", "sigmoid", false },
	{ "torch", "relu", false },
	{ "torch.jit._pickle", "build_intlist", true },
	{ "torch.jit._pickle", "build_tensorlist", true },
	{ "numpy.core.multiarray", "_reconstruct", true },
	{ "numpy._core.multiarray", "_reconstruct", true },
	{ "numpy.core.multiarray", "scalar", true },
	{ "numpy._core.multiarray", "scalar", true },
	{ "numpy.core.numeric", "_frombuffer", true },
	{ "numpy._core.numeric", "_frombuffer", true },
	{ "numpy", "ndarray", false },
	{ "numpy", "dtype", true },
	{ "numpy", "float32", false },
	{ "numpy", "mean", false },
	{ "numpy.random._pickle", "__randomstate_ctor", true },
	{ "numpy.random._pickle", "__generator_ctor", true },
	{ "numpy.random._pickle", "__bit_generator_ctor", true },
	{ "numpy.random.bit_generator", "__pyx_unpickle_SeedSequence", true },
	{ "numpy.ma.core", "_mareconstruct", true },
};

#include "verdict_hostile.h"

static enum verdict
level_of(const struct name *n)
{
	return verdict_of_name(n->module, strlen(n->module), n->name,
	    strlen(n->name), n->called);
}

static void
test_honest_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(honest) / sizeof(honest[0]); i++) {
		enum verdict level = level_of(&honest[i]);

		if (level != VERDICT_CLEAN && level != VERDICT_UNUSUAL)
			fail_msg("%s.%s is dangerous", honest[i].module,
			    honest[i].name);
	}
}

static void
test_hostile_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++)
		if (level_of(&hostile[i]) != VERDICT_DANGEROUS)
			fail_msg("%s.%s is not dangerous", hostile[i].module,
			    hostile[i].name);
}

/* What is clean, and not only not dangerous. */
static void
test_levels(void **state)
{
	static const struct {
		struct name name;
		enum verdict level;
	} rows[] = {
		{ { "collections", "OrderedDict", true }, VERDICT_CLEAN },
		{ { "__builtin__", "set", true }, VERDICT_CLEAN },
		{ { "torch._utils", "_rebuild_tensor_v2", true },
		    VERDICT_CLEAN },
		{ { "torch", "FloatStorage", false }, VERDICT_CLEAN },
		{ { "argparse", "Namespace", true }, VERDICT_UNUSUAL },
		{ { "__main__", "Net", true }, VERDICT_UNUSUAL },
		{ { "__torch__.a.b", "C", true }, VERDICT_UNUSUAL },
		{ { "models.yolo", "Model", false }, VERDICT_UNUSUAL },
		{ { "torch.nn.functional", "relu", false }, VERDICT_UNUSUAL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (level_of(&rows[i].name) != rows[i].level)
			fail_msg("%s.%s: %d", rows[i].name.module,
			    rows[i].name.name, (int)level_of(&rows[i].name));
}

/* Names are bytes with a length: none is read past its end. */
static void
test_exact_lengths(void **state)
{
	(void)state;
	assert_int_equal(verdict_of_name("osmium", 2, "systemic", 6, false),
	    VERDICT_DANGEROUS);
	assert_int_equal(verdict_of_name("osmium", 6, "Atom", 4, true),
	    VERDICT_UNUSUAL);
	assert_int_equal(verdict_of_name("o", 1, "Atom", 4, true),
	    VERDICT_UNUSUAL);
	assert_int_equal(verdict_of_name("collections", 11, "OrderedDict", 10,
	    false), VERDICT_DANGEROUS);
	assert_int_equal(verdict_of_name("os\0x", 4, "Atom", 4, false),
	    VERDICT_DANGEROUS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_honest_names),
		cmocka_unit_test(test_hostile_names),
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_exact_lengths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
