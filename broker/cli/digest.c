/* SPDX-License-Identifier: Apache-2.0
 *
 * digest.c - SHA-256 of tensors, in pieces, so that memory stays bounded.
 */
#include "digest.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/evp.h>

#include "pieces.h"

struct digest {
	EVP_MD_CTX *context;
	EVP_MD *sha256;
	struct pieces pieces;
};

struct digest *
digest_new(void)
{
	struct digest *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return NULL;
	/* Fetched once: a hundred thousand look-ups cost more than hashing. */
	d->sha256 = EVP_MD_fetch(NULL, "SHA2-256", NULL);
	d->context = EVP_MD_CTX_new();
	if (d->sha256 == NULL || d->context == NULL) {
		digest_free(d);
		return NULL;
	}
	return d;
}

void
digest_free(struct digest *d)
{
	if (d == NULL)
		return;
	EVP_MD_CTX_free(d->context);
	EVP_MD_free(d->sha256);
	pieces_free(&d->pieces);
	free(d);
}

enum pfork_code
digest_tensor(struct digest *d, const pfork_tensor *t,
    uint8_t out[DIGEST_BYTES], _Atomic(uint64_t) *done, pfork_error *err)
{
	enum pfork_code code = PFORK_OK;
	const void *at;
	size_t length;
	bool fine = EVP_DigestInit_ex2(d->context, d->sha256, NULL) == 1;

	pieces_start(&d->pieces, t);
	while (fine) {
		code = pieces_next(&d->pieces, &at, &length, err);
		if (code != PFORK_OK || length == 0)
			break;
		fine = EVP_DigestUpdate(d->context, at, length) == 1;
		if (done != NULL)
			atomic_fetch_add_explicit(done, length,
			    memory_order_relaxed);
	}
	if (code != PFORK_OK)
		return code;
	if (fine && EVP_DigestFinal_ex(d->context, out, NULL) == 1)
		return PFORK_OK;
	err->code = PFORK_E_SYSTEM;
	err->errnum = 0;
	err->offset = PFORK_NO_OFFSET;
	snprintf(err->text, sizeof(err->text), "OpenSSL computed no SHA-256");
	return PFORK_E_SYSTEM;
}
