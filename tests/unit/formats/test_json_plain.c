/* SPDX-License-Identifier: Apache-2.0
 *
 * test_json_plain.c - the scanner as machines without SSE2 compile it, under
 * the tests of test_json_scan.c.
 */
#define JSON_SCAN_PLAIN
#include "../../../worker/formats/json_scan.c"

#include "test_json_scan.c"
