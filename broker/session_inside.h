/* SPDX-License-Identifier: Apache-2.0
 *
 * session_inside.h - what the files of the session share; for them alone.
 */
#ifndef BROKER_SESSION_INSIDE_H
#define BROKER_SESSION_INSIDE_H

#include "session.h"

/* One message's payload.  False: the session has ended. */
typedef bool session_handler(struct session *s, const uint8_t *at,
    size_t length);

session_handler session_on_hello, session_on_format, session_on_storage,
    session_on_tensor, session_on_piece, session_on_alias, session_on_note,
    session_on_scalar, session_on_progress, session_on_done, session_on_fault;

/* Always false, so that `return session_ended(s)` reads well. */
bool session_ended(struct session *s);

#endif
