/* hash.c - SHA-256; sole includer of OpenSSL. */
#include "harness/base/hash.h"
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct hash {
    EVP_MD_CTX *md;
};

hash *hash_create(void)
{
    hash *h = malloc(sizeof *h);
    if (!h) return NULL;
    h->md = EVP_MD_CTX_new();
    if (!h->md || EVP_DigestInit_ex(h->md, EVP_sha256(), NULL) != 1) {
        EVP_MD_CTX_free(h->md);
        free(h);
        return NULL;
    }
    return h;
}

void hash_add(hash *h, const void *data, size_t len)
{
    EVP_DigestUpdate(h->md, data, len);
}

void hash_add_field(hash *h, const char *s, size_t len)
{
    unsigned char size[8];
    for (size_t i = 0; i < 8; i++)
        size[i] = (unsigned char)((uint64_t)len >> (8 * i));
    hash_add(h, size, sizeof size);
    hash_add(h, s, len);
}

static void to_hex(const unsigned char *bytes, char hex[HASH_HEX])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < HASH_BYTES; i++) {
        hex[2 * i] = digits[bytes[i] >> 4];
        hex[2 * i + 1] = digits[bytes[i] & 15];
    }
    hex[HASH_HEX - 1] = 0;
}

void hash_end(hash *h, char hex[HASH_HEX])
{
    unsigned char bytes[EVP_MAX_MD_SIZE] = {0};
    EVP_DigestFinal_ex(h->md, bytes, NULL);
    to_hex(bytes, hex);
    EVP_MD_CTX_free(h->md);
    free(h);
}

void hash_hex(const void *data, size_t len, char hex[HASH_HEX])
{
    unsigned char bytes[EVP_MAX_MD_SIZE] = {0};
    EVP_Digest(data, len, bytes, NULL, EVP_sha256(), NULL);
    to_hex(bytes, hex);
}

uint64_t hash_u64(const void *data, size_t len)
{
    unsigned char bytes[EVP_MAX_MD_SIZE] = {0};
    EVP_Digest(data, len, bytes, NULL, EVP_sha256(), NULL);
    uint64_t v = 0;
    for (size_t i = 0; i < 8; i++)
        v |= (uint64_t)bytes[i] << (8 * i);
    return v;
}

waage_status hash_file(const char *path, char hex[HASH_HEX], waage_err *err)
{
    FILE *f = fopen(path, "rb");
    if (!f) return waage_err_set(err, WAAGE_EIO, "%s: %s", path, strerror(errno));
    const size_t chunk = (size_t)1 << 20;
    unsigned char *buf = malloc(chunk);
    hash *h = buf ? hash_create() : NULL;
    waage_status st = h ? WAAGE_OK : waage_err_nomem(err);
    for (size_t n; h && (n = fread(buf, 1, chunk, f)) > 0;)
        hash_add(h, buf, n);
    if (h && ferror(f)) st = waage_err_set(err, WAAGE_EIO, "%s: %s", path, strerror(errno));
    if (h) hash_end(h, hex);
    free(buf);
    fclose(f);
    return st;
}
