import { existsSync } from 'node:fs'

const MODULES = '/usr/lib/nginx/modules'

/** What nginx needs to run Lua: Debian's libnginx-mod-http-lua. */
export const LUA_MODULES = ['ndk_http_module.so', 'ngx_http_lua_module.so'].map(
  (name) => `${MODULES}/${name}`,
)

export function hasLua(): boolean {
  return LUA_MODULES.every((file) => existsSync(file))
}

/**
 * Runs once for each worker: HMAC-SHA256 by the libcrypto that nginx is linked with, called through LuaJIT's FFI.
 * The keyed state is made once and reset for each link, which is the fastest way that libcrypto has.
 */
export function luaInit(secret: string): string {
  return `init_worker_by_lua_block {
  local ffi = require "ffi"
  ffi.cdef[[
    typedef struct hmac_ctx_st HMAC_CTX;
    HMAC_CTX *HMAC_CTX_new(void);
    const void *EVP_sha256(void);
    int HMAC_Init_ex(HMAC_CTX *ctx, const void *key, int length, const void *md, void *engine);
    int HMAC_Update(HMAC_CTX *ctx, const unsigned char *data, size_t length);
    int HMAC_Final(HMAC_CTX *ctx, unsigned char *md, unsigned int *length);
    int CRYPTO_memcmp(const void *a, const void *b, size_t length);
  ]]
  local decode = require("ngx.base64").decode_base64url
  local C = ffi.C
  local key = "${secret}"
  local state = C.HMAC_CTX_new()
  assert(C.HMAC_Init_ex(state, key, #key, C.EVP_sha256(), nil) == 1)
  local digest = ffi.new("unsigned char[32]")

  function is_signed(text, signature)
    local bytes = signature and decode(signature)
    if not bytes or #bytes ~= 32 then return false end
    C.HMAC_Init_ex(state, nil, 0, nil, nil)
    C.HMAC_Update(state, text, #text)
    C.HMAC_Final(state, digest, nil)
    return C.CRYPTO_memcmp(digest, bytes, 32) == 0
  end
}`
}

/** Checks the signature of path and expiry, then the expiry. */
export const LUA_CHECK = `access_by_lua_block {
  local var = ngx.var
  local expires = var.arg_expires
  if not expires or not is_signed(var.uri .. "?expires=" .. expires, var.arg_signature) then
    return ngx.exit(403)
  end
  if tonumber(expires) <= ngx.time() then return ngx.exit(410) end
}`
