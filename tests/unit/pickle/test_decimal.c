/* SPDX-License-Identifier: Apache-2.0
 *
 * test_decimal.c - decimal text to a double, beside the C library's strtod:
 * halfway between two doubles, just beside it, and hundreds of digits later.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "machine_inner.h"

/* Too large is no number here; else the bits are strtod's. */
static void
compare(const char *text)
{
	double want = strtod(text, NULL);
	double got = 0;
	bool good = decimal_to_double((const uint8_t *)text, strlen(text),
	    &got);

	if (want > 1.7976931348623157e308 || want < -1.7976931348623157e308) {
		if (good && (got <= 1.7976931348623157e308 &&
		    got >= -1.7976931348623157e308))
			fail_msg("%.60s: %a, not too large", text, got);
		return;
	}
	if (!good || memcmp(&got, &want, sizeof(got)) != 0)
		fail_msg("%.60s: %a, not %a", text, got, want);
}

static void
test_texts(void **state)
{
	static const char *const texts[] = { "0", "-0", "0.0", "1", "-1.5",
		"+2", "1e22", "1e23", "9007199254740993", "9007199254740992.5",
		"1e-22", "123456789012345678901234567890", "1e308", "1.8e308",
		"1e309", "-1e309", "1e310", "1e311", "1e400", "1e-400",
		"2.2250738585072011e-308", "2.2250738585072014e-308", "5e-324",
		"2e-324", "3e-324", "2.4703282292062327e-324", "1e-323",
		"1.7976931348623157e308", "1.7976931348623158e308",
		"1.7976931348623159e308", "00000.00001", "1000000e-3",
		"0.000000000000000000000000000001e30", "1.", ".5",
		"179769313486231570814527423731704356798070567525844996598917476"
		"8031572607800285387605895586327668781715404589535143824642343"
		"2132688946418276846754670353751698604991057655128207624549009"
		"0389328944075868508455133942304583236903222948165808559332123"
		"34774797926204144723168738177180919299881250404026184124858368"
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		compare(texts[i]);
}

static void
test_refused(void **state)
{
	static const char *const texts[] = { "", "-", "+", ".", "e5", "1e", "1e+",
		"1e-", "1ex", "1e5x", "1x", "1..2", "1.2.3", " 1", "1 ", "0x10",
		"in", "infinit", "infinityx", "na", "--1", "1e5.0" };
	double got;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (decimal_to_double((const uint8_t *)texts[i],
		    strlen(texts[i]), &got))
			fail_msg("'%s' is %g", texts[i], got);
}

/* All digits of the middle between d and the next double; then with digits
 * after it, and one less. */
static void
compare_middle(double d)
{
	char text[2048];
	long double middle;
	uint64_t bits;
	double above;
	size_t end;
	char *e;

	memcpy(&bits, &d, sizeof(bits));
	bits++;
	memcpy(&above, &bits, sizeof(above));
	middle = ((long double)d + (long double)above) / 2;
	/* 1,100 places hold it exactly: 2^-1075 has 752 digits. */
	snprintf(text, sizeof(text), "%.1100Le", middle);
	compare(text);
	e = strchr(text, 'e');
	e[-1] = '1';
	compare(text);
	e[-1] = '0';
	for (end = (size_t)(e - text); text[end - 1] == '0'; end--)
		;
	text[end - 1]--;
	compare(text);
	text[end - 1]++;
	/* Without the zeros: the tie is the last digit. */
	memmove(text + end, e, strlen(e) + 1);
	compare(text);
}

static void
test_middles(void **state)
{
	static const double edges[] = { 5e-324, 1e-323, 2.2250738585072009e-308,
		2.2250738585072014e-308, 1.5, 1e15, 9007199254740992.0, 1e22,
		1e100, 1e300, 1.7976931348623155e308, 1e-5, 1e-100, 1e-300 };
	uint64_t seed = 1;

	(void)state;
	for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++)
		compare_middle(edges[i]);
	for (int i = 0; i < 2000; i++) {
		uint64_t bits;
		double d;

		seed = seed * 6364136223846793005u + 1442695040888963407u;
		bits = seed >> 1 ^ seed << 20;
		bits &= UINT64_C(0x7fffffffffffffff);
		if (bits >> 52 >= 0x7fe)
			continue;
		memcpy(&d, &bits, sizeof(d));
		compare_middle(d);
	}
}

/* More digits than an int counts far. */
static void
test_very_long(void **state)
{
	const size_t zeros = 100000002;
	char *text = malloc(zeros + 4);
	double got = 1;

	(void)state;
	assert_non_null(text);
	memset(text, '0', zeros + 3);
	text[0] = '1';
	assert_false(decimal_to_double((const uint8_t *)text, zeros, &got));
	text[0] = '.';
	text[zeros + 2] = '1';
	assert_true(decimal_to_double((const uint8_t *)text, zeros + 3, &got));
	assert_true(got == 0);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_middles),
		cmocka_unit_test(test_very_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
