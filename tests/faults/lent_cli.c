/* SPDX-License-Identifier: Apache-2.0
 *
 * lent_cli.c - makes the command one whose first worker is lent its namespaces:
 * the linker puts this in pfork_broker_new's place (mk/faults.mk).  So every
 * trial of run.py is there for the holder, and for a worker that enters what it
 * made, as well.
 */
#include "broker.h"
#include "holder.h"
#include "picklefork.h"

enum pfork_code __real_pfork_broker_new(const pfork_options *options,
    pfork_broker **broker, pfork_error *err);
enum pfork_code __wrap_pfork_broker_new(const pfork_options *options,
    pfork_broker **broker, pfork_error *err);

enum pfork_code
__wrap_pfork_broker_new(const pfork_options *options, pfork_broker **broker,
    pfork_error *err)
{
	enum pfork_code code = __real_pfork_broker_new(options, broker, err);
	struct lent l;

	if (code == PFORK_OK)
		holder_lend(*broker, LEND_MANY, &l);
	return code;
}
