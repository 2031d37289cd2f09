/* hash.h - SHA-256 (FIPS 180-4) through OpenSSL's libcrypto. */
#ifndef BASE_HASH_H
#define BASE_HASH_H
#include <stddef.h>
#include <stdint.h>
#include "harness/base/err.h"

enum { HASH_BYTES = 32, HASH_HEX = 65 }; /* HASH_HEX counts the NUL */

typedef struct hash hash; /* opaque running hash */

hash *hash_create(void); /* NULL when memory is out */
void hash_add(hash *h, const void *data, size_t len);
/* Adds the text's length as 8 little-endian bytes, then the text: fields cannot run together. */
void hash_add_field(hash *h, const char *s, size_t len);
void hash_end(hash *h, char hex[HASH_HEX]); /* lower-case hex; frees h */

void hash_hex(const void *data, size_t len, char hex[HASH_HEX]);
uint64_t hash_u64(const void *data, size_t len); /* first 8 bytes of the SHA-256, little endian */
WAAGE_MUST_CHECK waage_status hash_file(const char *path, char hex[HASH_HEX], waage_err *err);
#endif
