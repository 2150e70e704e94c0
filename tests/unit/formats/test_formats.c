/* SPDX-License-Identifier: Apache-2.0
 *
 * test_formats.c - which format a file is told to be, by its bytes alone, and
 * what a person is told when it is none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "formats.h"
#include "harness.h"
#include "looks.h"

#define BYTES(text) text, sizeof(text) - 1

/* is: a bare pickle? */
static const struct pickle_case {
	const char *bytes;
	size_t length;
	bool is;
} pickles[] = {
	{ BYTES(""), false },
	{ BYTES("\x80"), false },
	{ BYTES("\x80\x02N."), true },
	{ BYTES("\x80\x05\x95\0\0\0\0\0\0\0\0."), true },
	/* Wrong, but nothing else: the machine says why. */
	{ BYTES("\x80\xff"), true },
	{ BYTES("\x80\x06N."), true },
	/* torch before 1.6 is another format. */
	{ BYTES("\x80\x02\x8a\nl\xfc\x9c" "F\xf9 j\xa8P\x19.\x80\x02M\xe9\3."),
	    false },
	{ BYTES("\x80\x04\x95\x0d\0\0\0\0\0\0\0\x8a\nl\xfc\x9c" "F\xf9 j\xa8P"
	    "\x19."), false },
	{ BYTES("\x80\x02\x8a\nl\xfc\x9c" "F\xf9 j\xa8P\x18."), true },
	/* Protocol 0 and 1. */
	{ BYTES("N."), true },
	/* A zip's first bytes, which no reader of pickles runs. */
	{ BYTES("PK\3\4a\n0cposix\nsystem\n(S'true'\ntR."), false },
	{ BYTES("I1\n."), true },
	{ BYTES("(lp0\n."), true },
	{ BYTES("(dp0\nS'a'\np1\nI1\ns."), true },
	{ BYTES("cposix\nsystem\n(S'true'\ntR."), true },
	{ BYTES("cposix\nsystem\n(S'true'\ntR"), true },
	{ BYTES("cos\nsystem\nq\0."), true },
	{ BYTES("(S'true'\nios\nsystem\n."), true },
	{ BYTES("}q\0(U\1aK\1u."), true },
	{ BYTES("(Vtext\np0\nL5L\nF1.5\nG\0\0\0\0\0\0\0\0t."), true },
	{ BYTES("]q\0(K\1M\0\1J\0\0\0\1T\1\0\0\0xX\1\0\0\0ye."), true },
	{ BYTES("(K\1K\2\x86."), true },
	/* Python runs each of these: a number, a line, an opcode that text or
	 * an older protocol has not. */
	{ BYTES("L0x1\n0cposix\nsystem\n(S'true'\ntR."), true },
	{ BYTES("I1_0\n0cposix\nsystem\n(S'true'\ntR."), true },
	{ BYTES("I\n0cposix\nsystem\n(S'true'\ntR."), true },
	{ BYTES("I\0junk\n0cposix\nsystem\n(S'true'\ntR."), true },
	{ BYTES("F-Nan\n0cposix\nsystem\n(S'true'\ntR."), true },
	{ BYTES("V\x01\n0cposix\nsystem\n(S'true'\ntR."), true },
	{ BYTES("V\n0cposix\nsystem\n(S'true'\ntR."), true },
	{ BYTES("(0cposix\nsystem\n(S'true'\ntR."), true },
	{ BYTES("(iposix\nfork\nz"), true },
	{ BYTES("(iposix\nfork,"), true },
	{ BYTES("\x88" "0cposix\nsystem\n(S'true'\ntR."), true },
	{ BYTES("\x8f" "0cposix\nsystem\n(S'true'\ntR."), true },
	{ BYTES("\x95\x1a\0\0\0\0\0\0\0cposix\nsystem\n(S'true'\ntR."), true },
	{ BYTES("\x8c\5posix\x8c\6system\x93\x8c\4true\x85R."), true },
	{ BYTES("(\x8c\5posix\x8c\6system\x93\x8c\4true\x85R."), true },
	{ BYTES("\x8d\1\0\0\0\0\0\0\0a0cposix\nsystem\n)R."), true },
	/* Text. */
	{ BYTES("."), false },
	{ BYTES("(0"), false },
	{ BYTES("Finally\nN."), false },
	{ BYTES("L\xc3\xa9on\nN."), false },
	{ BYTES("hello world\n"), false },
	{ BYTES("import os\nprint(1)\n"), false },
	{ BYTES("/usr/lib/python3/dist-packages\n"), false },
	{ BYTES("../site-packages\n./lib\n"), false },
	{ BYTES("(hello)\n"), false },
	{ BYTES("Very good.\nPlease read this.\n"), false },
	{ BYTES("View the file\nNow.\n"), false },
	{ BYTES("Previous notes\nVarious\n.\n"), true },
	{ BYTES("conda\nnumpy\nscipy\n"), false },
	{ BYTES("cmake_minimum_required(VERSION 3.1)\nproject(x)\n"), false },
	{ BYTES("I am\n"), false },
	{ BYTES("License\n\nText.\n"), false },
	{ BYTES("{\"a\": 1}"), false },
	{ BYTES("[1, 2]"), false },
	{ BYTES("Some 'quoted'\n.\n"), false },
	{ BYTES("S'unfinished"), false },
	{ BYTES("T\xff\xff\xff\x7fshort."), false },
	{ BYTES("aaaaaaaa."), false },
	{ BYTES("0."), false },
	{ BYTES("t."), false },
	{ BYTES("R."), false },
	{ BYTES("\x7f" "ELF\2\1\1\0"), false },
	{ BYTES("\x89PNG\r\n\x1a\n"), false },
	{ BYTES("PK\3\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
	    false },
};

static void
test_pickle_file_is(void **state)
{
	struct harness h;

	(void)state;
	for (size_t i = 0; i < sizeof pickles / sizeof *pickles; i++) {
		struct job *job = harness_job(pickles[i].bytes,
		    pickles[i].length, 0, &h);
		bool is = pickle_file_is(job);

		harness_free(&h);
		if (is != pickles[i].is)
			fail_msg("case %zu: %.40s", i, pickles[i].bytes);
	}
}

/* What nothing reads. */
static const struct looks_case {
	const char *bytes;
	size_t length;
	const char *text;
	const char *format;
} looks[] = {
	{ BYTES("\x89HDF\r\n\x1a\n\0"), "HDF5", "hdf5" },
	{ BYTES("lmgg\1\0\0\0"), "GGML", "ggml" },
	{ BYTES("fmgg\1\0\0\0"), "GGML", "ggml" },
	{ BYTES("tjgg\1\0\0\0"), "convert_llama_ggml", "ggml" },
	{ BYTES("algg\1\0\0\0"), "GGML", "ggml" },
	{ BYTES("\4\0\0\0\1\0\0\0\3\0\0\0V 1\0"), "Torch7", "torch7" },
	{ BYTES("4\n1\n3\nV 1\n13\nnn.Sequential\n"), "Torch7", "torch7" },
	{ BYTES("\3\0\0\0\1\0\0\0\2\0\0\0\2\0\0\0\5\0\0\0model\4"), "Torch7",
	    "torch7" },
	{ BYTES("\3\0\0\0\1\0\0\0\2\0\0\0\2\0\0\0\5\0\0\0mode\1\4"), "unknown",
	    "" },
	{ BYTES("\3\0\0\0\1\0\0\0\0\0\0\0\2\0\0\0\1\0\0\0m"), "unknown", "" },
	/* Nearly Torch7, and nearly Paddle. */
	{ BYTES("\4\0\0\0" "\1\0\0\0" "\2\0\0\0"
	    "\2\0\0\0" "\5\0\0\0" "model"),
	    "unknown", "" },
	{ BYTES("\3\0\0\0" "\2\0\0\0" "\2\0\0\0"
	    "\2\0\0\0" "\5\0\0\0" "model"),
	    "unknown", "" },
	{ BYTES("\3\0\0\0" "\1\0\0\0" "\101\102\017\0"
	    "\2\0\0\0" "\5\0\0\0" "model"),
	    "unknown", "" },
	{ BYTES("\3\0\0\0" "\1\0\0\0" "\2\0\0\0"
	    "\1\0\0\0" "\5\0\0\0" "model"),
	    "unknown", "" },
	{ BYTES("\3\0\0\0" "\1\0\0\0" "\2\0\0\0"
	    "\2\0\0\0" "\0\0\0\0" "m"),
	    "unknown", "" },
	{ BYTES("\3\0\0\0" "\1\0\0\0" "\2\0\0\0"
	    "\2\0\0\0" "\101\0\0\0" "mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmm"),
	    "unknown", "" },
	{ BYTES("\3\0\0\0" "\1\0\0\0" "\2\0\0\0"
	    "\2\0\0\0" "\5\0\0\0" "mod\177l"),
	    "unknown", "" },
	{ BYTES("\3\0\0\0" "\1\0\0\0" "\2\0\0\0"
	    "\2\0\0\0" "\5\0\0\0" "mod"),
	    "unknown", "" },
	{ BYTES("\1\0\0\0" "\0\0\0\0"
	    "\0\0\0\0" "\0\0\0\0" "\4\0\0\0" "\010\005\020\001"),
	    "unknown", "" },
	{ BYTES("\0\0\0\0" "\0\0\0\0"
	    "\0\0\0\0" "\0\0\0\0" "\3\0\0\0" "\010\005\020"),
	    "unknown", "" },
	{ BYTES("\0\0\0\0" "\0\0\0\0"
	    "\0\0\0\0" "\0\0\0\0" "\4\0\0\0" "\011\005\020\001"),
	    "unknown", "" },
	{ BYTES("\0\0\0\0" "\0\0\0\0"
	    "\0\0\0\0" "\0\0\0\0" "\4\0\0\0" "\010\040\020\001"),
	    "unknown", "" },
	{ BYTES("\0\0\0\0" "\0\0\0\0"
	    "\0\0\0\0" "\0\0\0\0" "\4\0\0\0" "\010\005\021\001"),
	    "unknown", "" },
	{ BYTES("\0\0\0\0" "\0\0\0\0"
	    "\0\0\0\0" "\0\0\0\0" "\5\0\0\0" "\010\005\020\001"),
	    "unknown", "" },
	{ BYTES("\x1c\0\0\0TFL3"), "TensorFlow Lite", "tflite" },
	{ BYTES("\x1c\0\0\0PTMF"), "PyTorch Mobile", "torch-mobile" },
	{ BYTES("\x1c\0\0\0ET12"), "ExecuTorch", "executorch" },
	{ BYTES("\x0c\xdb\x3a\x2a\0"), "Orbax", "ocdbt" },
	{ BYTES("\x0c\xdb\x20\xde\0"), "Orbax", "ocdbt" },
	{ BYTES("\x0c\xdb\x12\x34\0"), "Orbax", "ocdbt" },
	{ BYTES("\x12\1\0\0\0\0\0\0\0"), "MXNet", "mxnet" },
	{ BYTES("binf\0"), "XGBoost", "xgboost" },
	{ BYTES("CBM1\0"), "CatBoost", "catboost" },
	{ BYTES("tree\nversion=v4\n"), "LightGBM", "lightgbm" },
	{ BYTES("\xba\x16\x4f\x2f\x0c"), "fastText", "fasttext" },
	{ BYTES("MATLAB 5.0 MAT-file, \0"), "MATLAB", "matlab" },
	{ BYTES("7767517\n2 2\n"), "ncnn", "ncnn" },
	{ BYTES("# xet version 0\nfilesize = 1\n"), "huggingface_hub", "xet" },
	{ BYTES("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
	    "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
	    "\x57\xfb\x80\x8b\x24\x75\x47\xdb"), "TensorFlow checkpoint",
	    "tensor-bundle" },
	{ BYTES("\x08\1\x12\2\x0a\0"), "SavedModel", "saved-model" },
	{ BYTES("\x08\4\x12\2\x0a\0\xa2\x1f\0"), "Core ML", "coreml" },
	/* node { name: "x" op: "Const" }, and what is none. */
	{ BYTES("\x0a\x0a\x0a\1x\x12\5Const"), "TensorFlow graph",
	    "frozen-graph" },
	{ BYTES("\x0a\x0a\x0a\1x\x12\5const"), "unknown", "" },
	{ BYTES("\x0a\x0a\x0a\1x\x12\5Con t"), "unknown", "" },
	{ BYTES("\x0a\x0a\x0a\1x\x12\6Const"), "unknown", "" },
	{ BYTES("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\4\0\0\0\x08\5\x10\2\0\0"),
	    "pdiparams", "paddle-inference" },
	{ BYTES("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\4\0\0\0\x08\x20\x10\2"),
	    "unknown", "" },
	{ BYTES("\0\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\4\0\0\0\x08\5\x10\2"),
	    "unknown", "" },
	{ BYTES("\x1f\x8b\x08\0"), "gzip", "gzip" },
	{ BYTES("\x28\xb5\x2f\xfd\0"), "zstd", "zstd" },
	{ BYTES("7z\xbc\xaf\x27\x1c\0"), "7-Zip", "7z" },
	{ BYTES("\xfd" "7zXZ\0\0"), "xz", "xz" },
	{ BYTES("\x5d\0\0\x80\0"), "LZMA", "lzma" },
	{ BYTES("ZF1   \0"), "joblib before 0.9.3", "joblib-zfile" },
	{ BYTES("BZh91AY"), "bzip2", "bzip2" },
	{ BYTES("\x04\x22\x4d\x18\0"), "LZ4", "lz4" },
	{ BYTES("LZIP\1"), "lzip", "lzip" },
	{ BYTES("\x1f\x9d\x90"), "compress", "compress" },
	{ BYTES("Rar!\x1a\7"), "RAR", "rar" },
	{ BYTES("\x78\x01\0"), "zlib", "zlib" },
	{ BYTES("\x78\x5e\0"), "zlib", "zlib" },
	{ BYTES("\x78\x9c\0"), "zlib", "zlib" },
	{ BYTES("\x78\xda\0"), "zlib", "zlib" },
	{ BYTES("version https://git-lfs.github.com/spec/v1\noid sha256:0\n"),
	    "git lfs pull", "git-lfs" },
	{ BYTES("\x7f" "ELF\2"), "ELF", "" },
	{ BYTES("\x89PNG\r\n\x1a\n"), "PNG", "" },
	{ BYTES("\xff\xd8\xff\xe0"), "JPEG", "" },
	{ BYTES("%PDF-1.4"), "PDF", "" },
	{ BYTES("MZ\x90\0"), "Windows", "" },
	{ BYTES("#!/bin/sh\n"), "script", "" },
	{ BYTES("{\"zarr_format\": 2}"), "zarr", "" },
	{ BYTES("{\"tree_metadata\": {}}"), "Orbax", "" },
	{ BYTES("{\"item_handlers\": null}"), "Orbax", "" },
	{ BYTES("model_checkpoint_path: \"model.ckpt-1\"\n"), "TensorFlow",
	    "" },
	{ BYTES("<?xml version=\"1.0\"?><net name=\"m\">"), "OpenVINO", "" },
	{ BYTES("{\"a\": 1}"), "JSON", "" },
	{ BYTES("\n [1]"), "JSON", "" },
	{ BYTES("<!DOCTYPE html>"), "HTML", "" },
	{ BYTES("/usr/lib/python3\n"), "text", "" },
	{ BYTES("\2\0\0\0\0\0\0\0[]"), "unknown", "" },
	{ BYTES("\0"), "unknown", "" },
	{ BYTES("\xff\xfe\xfd\0"), "unknown", "" },
};

static void
test_looks(void **state)
{
	struct harness h;

	(void)state;
	for (size_t i = 0; i < sizeof looks / sizeof *looks; i++) {
		assert_false(harness_run(looks[i].bytes, looks[i].length, 0,
		    &h));
		assert_int_equal(h.verdict, VERDICT_UNDECIDED);
		if (h.fault_code != FAULT_UNSUPPORTED ||
		    strstr(h.fault_text, looks[i].text) == NULL)
			fail_msg("case %zu: %s", i, h.fault_text);
		assert_string_equal(h.format, looks[i].format);
		harness_free(&h);
	}
}

static void
test_tar(void **state)
{
	char block[512] = "name";
	struct harness h;

	(void)state;
	memcpy(block + 257, "ustar", 5);
	assert_false(harness_run(block, sizeof block, 0, &h));
	assert_non_null(strstr(h.fault_text, "tar"));
	assert_string_equal(h.format, "tar");
	harness_free(&h);
	memcpy(block, "./model_config.yaml", 20);
	assert_false(harness_run(block, sizeof block, 0, &h));
	assert_non_null(strstr(h.fault_text, "NeMo"));
	harness_free(&h);
}

/* Behind a user block of any size that HDF5 tries first. */
static void
test_user_block(void **state)
{
	static uint8_t bytes[2056];
	struct harness h;

	(void)state;
	for (size_t at = 512; at <= 2048; at *= 2) {
		memset(bytes, 0, sizeof bytes);
		memcpy(bytes + at, "\x89HDF\r\n\x1a\n", 8);
		assert_false(harness_run(bytes, sizeof bytes, 0, &h));
		assert_string_equal(h.format, "hdf5");
		harness_free(&h);
	}
}

static void
test_empty(void **state)
{
	struct harness h;

	(void)state;
	assert_false(harness_run("", 0, 0, &h));
	assert_int_equal(h.fault_code, FAULT_FORMAT);
	assert_int_equal(h.fault_where, 0);
	assert_string_equal(h.fault_text, "the file is empty");
	harness_free(&h);
}

static void
test_bare_pickle(void **state)
{
	struct harness h;

	(void)state;
	assert_true(harness_run(BYTES("\x80\x02}."), 0, &h));
	assert_string_equal(h.format, "pickle");
	assert_int_equal(h.verdict, VERDICT_CLEAN);
	harness_free(&h);
	/* What ran before the error is reported. */
	assert_false(harness_run(BYTES("cos\nsystem\n(S'true'\ntR"), 0, &h));
	assert_int_equal(h.fault_code, FAULT_FORMAT);
	assert_int_equal(h.verdict, VERDICT_DANGEROUS);
	assert_non_null(harness_note(&h, 0, "os.system"));
	harness_free(&h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pickle_file_is),
		cmocka_unit_test(test_looks),
		cmocka_unit_test(test_tar),
		cmocka_unit_test(test_user_block),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_bare_pickle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
