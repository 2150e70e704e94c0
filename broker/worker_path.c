/* SPDX-License-Identifier: Apache-2.0
 *
 * worker_path.c - where the installed worker is.  Fixed at build time: no
 * environment variable may send the library to another program.
 */
#include "broker.h"
#include "paths.h"

const char *
broker_installed_worker(void)
{
	return PFORK_WORKER_PATH;
}
