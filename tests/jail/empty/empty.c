/* SPDX-License-Identifier: Apache-2.0
 *
 * empty.c - the cheapest static program: the unit in which starts are measured.
 */
int
main(void)
{
	return 0;
}
