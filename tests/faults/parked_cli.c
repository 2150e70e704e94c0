/* SPDX-License-Identifier: Apache-2.0
 *
 * parked_cli.c - makes the command one whose loads are done by workers that were
 * parked before: the linker puts this in pfork_broker_new's place (mk/faults.mk).
 * So every trial of run.py is there for them as well.
 */
#include "broker.h"
#include "keeper.h"
#include "picklefork.h"

#define PARKED 2
/* Where one cannot be parked, the load starts one: nothing may hang on it. */
#define WAIT_MS 1000

enum pfork_code __real_pfork_broker_new(const pfork_options *options,
    pfork_broker **broker, pfork_error *err);
enum pfork_code __wrap_pfork_broker_new(const pfork_options *options,
    pfork_broker **broker, pfork_error *err);

enum pfork_code
__wrap_pfork_broker_new(const pfork_options *options, pfork_broker **broker,
    pfork_error *err)
{
	pfork_options parked = *options;
	enum pfork_code code;

	parked.parked_workers = PARKED;
	code = __real_pfork_broker_new(&parked, broker, err);
	if (code == PFORK_OK)
		(void)keeper_wait((*broker)->keeper, 1, WAIT_MS);
	return code;
}
