/* SPDX-License-Identifier: Apache-2.0
 *
 * report.h - what there is to say about one file: as JSON, and as notes for
 * people.
 */
#ifndef CLI_REPORT_H
#define CLI_REPORT_H

#include "cli.h"
#include "json.h"
#include "progress.h"

/* One object, "picklefork.report/1", as the next value of j.  ckpt may be NULL.
 * *err is what went wrong, code PFORK_OK for nothing; a digest that fails
 * fills it.  digests: count them up there, or NULL. */
void report_json(struct json *j, const struct options *options,
    const char *file, const pfork_checkpoint *ckpt, pfork_error *err,
    _Atomic(uint64_t) *digested);

/* The notes that led to the verdict and the tensors left out, at most `most`
 * lines, the worst first. */
void report_notes(FILE *out, const pfork_checkpoint *ckpt, const char *indent,
    size_t most, bool colours);

void report_verdict(FILE *out, enum pfork_verdict verdict, int width,
    bool colours);

/* Sum of all tensors' bytes. */
uint64_t report_bytes(const pfork_checkpoint *ckpt);

/* Any integer of the file, two's complement, as "-0x1f". */
char *report_bigint(const uint8_t *bytes, size_t length);
const char *report_scalar_kind(enum pfork_scalar_kind kind);

#endif
