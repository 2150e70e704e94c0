/* SPDX-License-Identifier: Apache-2.0
 *
 * test_suffix.c - names that promise one format, and those that promise none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "suffix.h"

static const struct {
	const char *file;
	const char *format;
	const char *promise;	/* that is broken, or NULL */
} names[] = {
	{ "model.safetensors", "safetensors", NULL },
	{ "model.safetensors", "pickle", "safetensors" },
	{ "dir.npy/model.SafeTensors", "torch-zip", "safetensors" },
	{ "model.safetensors", "", "safetensors" },
	{ "model.safetensors.bin", "pickle", NULL },
	{ "x.npy", "npz", "npy" },
	{ "x.npz", "torch-zip", "npz" },
	{ "x.gguf", "ggml", "gguf" },
	{ "x.onnx", "onnx", NULL },
	{ "x.msgpack", "pickle", "flax-msgpack" },
	{ "x.joblib", "pickle", NULL },
	{ "x.joblib", "joblib", NULL },
	{ "x.joblib", "torch-zip", "joblib" },
	{ "x.h5", "hdf5", NULL },
	{ "x.h5", "pickle", "hdf5" },
	{ "x.keras", "zip", NULL },
	{ "x.bin", "safetensors", NULL },
	{ "x.pt", "gguf", NULL },
	{ "x.pth", "safetensors", NULL },
	{ "x.ckpt", "npz", NULL },
	{ "x.pkl", "torch-legacy", NULL },
	{ "x.tar", "pickle", NULL },
	{ ".npy", "pickle", NULL },
	{ "npy", "pickle", NULL },
	{ "", "pickle", NULL },
};

static void
test_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *got = suffix_differs(names[i].file,
		    names[i].format);

		print_message("%s\n", names[i].file);
		if (names[i].promise == NULL)
			assert_null(got);
		else
			assert_string_equal(got, names[i].promise);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
