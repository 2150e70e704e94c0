/* SPDX-License-Identifier: Apache-2.0
 *
 * test_gguf.c - every prefix of a good file, each byte of its head changed, and
 * what is sent of it.  The attacks one by one are tests/gen/gen_gguf.py's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dtype.h"
#include "harness.h"

struct made {
	uint8_t bytes[1024];
	size_t length;
	size_t data;		/* where it begins */
};

static void
put(struct made *m, uint64_t value, unsigned width)
{
	for (unsigned i = 0; i < width; i++)
		m->bytes[m->length++] = (uint8_t)(value >> 8 * i);
}

static void
put_text(struct made *m, const char *text)
{
	put(m, strlen(text), 8);
	memcpy(m->bytes + m->length, text, strlen(text));
	m->length += strlen(text);
}

static void
put_padding(struct made *m)
{
	while (m->length % 32 != 0)
		put(m, 0, 1);
}

/* A text, an array of i8, a u64 that is large; F32 (2, 3) and Q4_0 (1, 32). */
static void
make(struct made *m)
{
	memset(m, 0, sizeof(*m));
	put(m, 0x46554747, 4);
	put(m, 3, 4);
	put(m, 2, 8);
	put(m, 3, 8);
	put_text(m, "tokenizer.chat_template");
	put(m, 8, 4);
	put_text(m, "{{ x }}");
	put_text(m, "list");
	put(m, 9, 4);
	put(m, 1, 4);
	put(m, 2, 8);
	put(m, 0xff01, 2);
	put_text(m, "big");
	put(m, 10, 4);
	put(m, UINT64_MAX, 8);
	put_text(m, "w");
	put(m, 2, 4);
	put(m, 3, 8);
	put(m, 2, 8);
	put(m, 0, 4);
	put(m, 0, 8);
	put_text(m, "q");
	put(m, 1, 4);
	put(m, 32, 8);
	put(m, 2, 4);
	put(m, 32, 8);
	put_padding(m);
	m->data = m->length;
	for (unsigned i = 0; i < 32 + 18; i++)
		put(m, i, 1);
}

static void
test_good(void **state)
{
	struct harness h;
	struct made m;
	const struct harness_tensor *t;
	size_t length;

	(void)state;
	make(&m);
	assert_true(harness_run(m.bytes, m.length, GO_SCALARS, &h));
	assert_string_equal(h.format, "gguf");
	assert_int_equal(h.verdict, VERDICT_CLEAN);
	assert_non_null(harness_note(&h, NOTE_RECORD,
	    "chat template (Jinja2) of 7 bytes: tokenizer.chat_template"));
	t = harness_find(&h, "w");
	assert_int_equal(t->dtype, DTYPE_F32);
	assert_int_equal(t->shape[0], 2);
	assert_int_equal(t->shape[1], 3);
	assert_int_equal(t->strides[0], 3);
	assert_memory_equal(harness_bytes(&h, t, &length), m.bytes + m.data,
	    24);
	t = harness_find(&h, "q");
	assert_int_equal(t->dtype, DTYPE_GGML + 2);
	assert_memory_equal(harness_bytes(&h, t, &length),
	    m.bytes + m.data + 32, 18);
	assert_int_equal(length, 18);
	assert_int_equal(h.storages[0].kind, STORAGE_EXTENT);
	assert_int_equal(h.scalar_count, 4);
	assert_string_equal((char *)h.scalars[0].data, "{{ x }}");
	assert_string_equal(h.scalars[1].name, "list.0");
	assert_int_equal(h.scalars[1].i, 1);
	assert_int_equal(h.scalars[2].i, -1);
	assert_int_equal(h.scalars[3].kind, SCALAR_BIGINT);
	assert_int_equal(h.scalars[3].data_len, 9);
	harness_free(&h);
}

static void
test_every_prefix(void **state)
{
	struct harness h;
	struct made m;

	(void)state;
	make(&m);
	for (size_t length = 0; length < m.length; length++) {
		assert_false(harness_run(m.bytes, length, 0, &h));
		assert_int_equal(h.fault_code, length == 0 || length >= 8 ?
		    FAULT_FORMAT : FAULT_UNSUPPORTED);
		assert_true(h.fault_where <= length);
		harness_free(&h);
	}
	assert_true(harness_run(m.bytes, m.length + 15, 0, &h));
	assert_int_equal(h.verdict, VERDICT_UNUSUAL);
	assert_non_null(harness_note(&h, NOTE_RECORD, "bytes after"));
	harness_free(&h);
}

/* Whatever a byte becomes, the job ends in order (the harness checks all that
 * is sent), and a tensor lies in the file. */
static void
test_every_byte(void **state)
{
	static const uint8_t values[] = { 0, 1, 0x7f, 0x80, 0xff };
	struct harness h;
	struct made m;

	(void)state;
	for (size_t i = 4; i < 256; i++) {
		for (size_t k = 0; k < sizeof(values); k++) {
			make(&m);
			if (i >= m.data)
				return;
			m.bytes[i] = values[k];
			(void)harness_run(m.bytes, m.length, GO_SCALARS, &h);
			for (size_t t = 0; t < h.tensor_count && h.done; t++) {
				size_t length;

				(void)harness_bytes(&h, &h.tensors[t],
				    &length);
			}
			harness_free(&h);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_every_prefix),
		cmocka_unit_test(test_every_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
