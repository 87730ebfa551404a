/* What JavaScript sees of the copier: numbered copies, and one callback for the end of their windows. */
#include <errno.h>
#include <node_api.h>
#include <stdlib.h>
#include <string.h>

#include "copier.h"

#define ARGUMENTS 4

typedef struct {
  copier *copier;
  napi_threadsafe_function notify;
  napi_ref on_end;
  /* By id; NULL where none is open. */
  copy **copies;
  uint32_t size;
  uint32_t open;
  uint32_t next;
} addon;

static addon *addon_of(napi_env env) {
  void *data = NULL;
  napi_get_instance_data(env, &data);
  return data;
}

static napi_value fail(napi_env env, const char *message) {
  napi_throw_error(env, NULL, message);
  return NULL;
}

static napi_value number(napi_env env, double value) {
  napi_value result = NULL;
  napi_create_double(env, value, &result);
  return result;
}

/* All arguments are whole numbers that a double holds. */
static bool read_numbers(napi_env env, napi_callback_info info, size_t wanted, int64_t *numbers) {
  napi_value arguments[ARGUMENTS];
  size_t count = ARGUMENTS;
  if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) != napi_ok) return false;
  for (size_t at = 0; at < wanted; at++) {
    if (at >= count || napi_get_value_int64(env, arguments[at], &numbers[at]) != napi_ok ||
        numbers[at] < 0) {
      fail(env, "expected whole numbers");
      return false;
    }
  }
  return true;
}

static copy *copy_of(napi_env env, int64_t id) {
  addon *self = addon_of(env);
  copy *found = self && id < self->size ? self->copies[id] : NULL;
  if (!found) fail(env, "no such copy");
  return found;
}

/* On the copier's thread. */
static void on_finished(void *context) {
  addon *self = context;
  napi_call_threadsafe_function(self->notify, NULL, napi_tsfn_nonblocking);
}

static void tell_finished(napi_env env, napi_value unused, void *context, void *data) {
  (void)unused;
  (void)data;
  addon *self = context;
  if (!env || !self->copier) return;
  napi_value on_end, global;
  if (napi_get_reference_value(env, self->on_end, &on_end) != napi_ok) return;
  if (napi_get_global(env, &global) != napi_ok) return;
  copy *finished;
  while (self->copier && (finished = copier_next_finished(self->copier))) {
    napi_handle_scope scope;
    napi_open_handle_scope(env, &scope);
    napi_value arguments[] = {
        number(env, copy_id(finished)),
        number(env, copy_outcome(finished)),
        number(env, (double)copy_moved(finished)),
    };
    napi_status status = napi_call_function(env, global, on_end, 3, arguments, NULL);
    napi_close_handle_scope(env, scope);
    /* an exception is the caller's to report; the rest is told with the next call */
    if (status != napi_ok) {
      napi_call_threadsafe_function(self->notify, NULL, napi_tsfn_nonblocking);
      return;
    }
  }
}

static void stop(void *data) {
  addon *self = data;
  if (!self->copier) return;
  for (uint32_t id = 0; id < self->size; id++)
    if (self->copies[id]) copy_close(self->copies[id]);
  copier_stop(self->copier);
  self->copier = NULL;
  self->size = 0;
}

static void finalize(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  addon *self = data;
  stop(self);
  free(self->copies);
  free(self);
}

/* start(onEnd: (id, outcome, moved) => void): void */
static napi_value start(napi_env env, napi_callback_info info) {
  if (addon_of(env)) return fail(env, "started already");
  napi_value on_end, name;
  size_t count = 1;
  napi_get_cb_info(env, info, &count, &on_end, NULL, NULL);
  napi_valuetype type = napi_undefined;
  if (count == 1) napi_typeof(env, on_end, &type);
  if (type != napi_function) return fail(env, "expected a function");
  addon *self = calloc(1, sizeof *self);
  if (!self) return fail(env, "out of memory");
  napi_create_reference(env, on_end, 1, &self->on_end);
  napi_create_string_utf8(env, "kernel copy", NAPI_AUTO_LENGTH, &name);
  napi_status status = napi_create_threadsafe_function(env, NULL, NULL, name, 0, 1, NULL, NULL,
                                                       self, tell_finished, &self->notify);
  if (status == napi_ok) {
    /* sockets keep the process going, not this */
    napi_unref_threadsafe_function(env, self->notify);
    self->copier = copier_start(on_finished, self);
  }
  if (!self->copier) {
    const char *why = status == napi_ok ? strerror(errno) : "no threadsafe function";
    if (status == napi_ok) napi_release_threadsafe_function(self->notify, napi_tsfn_abort);
    napi_delete_reference(env, self->on_end);
    free(self);
    return fail(env, why);
  }
  napi_set_instance_data(env, self, finalize, NULL);
  /* hooks run backwards: the thread ends before the function that it calls */
  napi_add_env_cleanup_hook(env, stop, self);
  return NULL;
}

static bool grow(addon *self) {
  uint32_t size = self->size == 0 ? 64 : self->size * 2;
  copy **copies = realloc(self->copies, size * sizeof *copies);
  if (!copies) return false;
  memset(copies + self->size, 0, (size - self->size) * sizeof *copies);
  self->copies = copies;
  self->size = size;
  return true;
}

/* open(source, isSocket, target): id, or -1 when this copy is not to be had */
static napi_value open_copy(napi_env env, napi_callback_info info) {
  int64_t numbers[3];
  if (!read_numbers(env, info, 3, numbers)) return NULL;
  addon *self = addon_of(env);
  if (!self || !self->copier) return number(env, -1);
  if (self->open * 2 >= self->size && !grow(self)) return number(env, -1);
  copy *opened = copy_open(self->copier, (int)numbers[0], numbers[1] != 0, (int)numbers[2]);
  if (!opened) return number(env, -1);
  /* at least every second place is free */
  uint32_t id = self->next;
  while (self->copies[id]) id = (id + 1) % self->size;
  self->next = (id + 1) % self->size;
  self->copies[id] = opened;
  self->open++;
  copy_set_id(opened, id);
  return number(env, id);
}

/* copy(id, offset, length): whether the window runs */
static napi_value copy_range(napi_env env, napi_callback_info info) {
  int64_t numbers[3];
  if (!read_numbers(env, info, 3, numbers)) return NULL;
  copy *self = copy_of(env, numbers[0]);
  if (!self) return NULL;
  napi_value result = NULL;
  napi_get_boolean(env, copy_window(self, (off_t)numbers[1], (uint64_t)numbers[2]), &result);
  return result;
}

/* moved(id): bytes of the last window that the target has taken */
static napi_value moved(napi_env env, napi_callback_info info) {
  int64_t id;
  if (!read_numbers(env, info, 1, &id)) return NULL;
  copy *self = copy_of(env, id);
  return self ? number(env, (double)copy_moved(self)) : NULL;
}

/* waitsForSource(id) */
static napi_value waits_for_source(napi_env env, napi_callback_info info) {
  int64_t id;
  if (!read_numbers(env, info, 1, &id)) return NULL;
  copy *self = copy_of(env, id);
  if (!self) return NULL;
  napi_value result = NULL;
  napi_get_boolean(env, copy_waits_for_source(self), &result);
  return result;
}

/* close(id): what `moved` would say; nothing is copied any more */
static napi_value close_copy(napi_env env, napi_callback_info info) {
  int64_t id;
  if (!read_numbers(env, info, 1, &id)) return NULL;
  copy *self = copy_of(env, id);
  if (!self) return NULL;
  addon *owner = addon_of(env);
  owner->copies[id] = NULL;
  owner->open--;
  return number(env, (double)copy_close(self));
}

NAPI_MODULE_INIT() {
  const napi_property_descriptor functions[] = {
      {"start", NULL, start, NULL, NULL, NULL, napi_enumerable, NULL},
      {"open", NULL, open_copy, NULL, NULL, NULL, napi_enumerable, NULL},
      {"copy", NULL, copy_range, NULL, NULL, NULL, napi_enumerable, NULL},
      {"moved", NULL, moved, NULL, NULL, NULL, napi_enumerable, NULL},
      {"waitsForSource", NULL, waits_for_source, NULL, NULL, NULL, napi_enumerable, NULL},
      {"close", NULL, close_copy, NULL, NULL, NULL, napi_enumerable, NULL},
  };
  napi_define_properties(env, exports, sizeof functions / sizeof *functions, functions);
  return exports;
}
