/*
 * Copies bytes from a file or a TCP socket to a TCP socket inside the kernel, by one thread with an
 * epoll of its own. All functions but the callback are for one thread alone, the owner's; the callback
 * runs on the copier's thread.
 */
#ifndef COPIER_H
#define COPIER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct copier copier;
typedef struct copy copy;

/* How a window ended. */
typedef enum {
  /* Every byte of it was moved. */
  OUTCOME_DONE,
  /* Reading would wait for a disk, or the kernel cannot copy from this source: read it yourself. */
  OUTCOME_DECLINED,
  /* The source ended before the window did, or broke. */
  OUTCOME_SOURCE_FAILED,
  /* The target takes no more. */
  OUTCOME_TARGET_FAILED,
} outcome;

/* NULL and errno when there is no thread or epoll to be had. */
copier *copier_start(void (*on_finished)(void *context), void *context);

/* Ends the thread and closes what its copies hold. */
void copier_stop(copier *self);

/* The next copy whose window has ended; NULL when there is none. */
copy *copier_next_finished(copier *self);

/*
 * Holds its own duplicates of both descriptors, which must not block. NULL and errno when they are not
 * to be had, or when copies hold half of the descriptors that the process may open.
 */
copy *copy_open(copier *self, int source, bool is_socket, int target);

/* Moves `length` bytes, those of a file from `offset` on. One window at a time. False: errno. */
bool copy_window(copy *self, off_t offset, uint64_t length);

/* Bytes of the last window that the target has taken. */
uint64_t copy_moved(const copy *self);

/* The window stands still until its source has bytes. */
bool copy_waits_for_source(const copy *self);

outcome copy_outcome(const copy *self);

/* Stops at once. Returns `copy_moved`; the copy is gone, and no callback will tell of it. */
uint64_t copy_close(copy *self);

/* The owner's own mark on a copy. */
void copy_set_id(copy *self, uint32_t id);
uint32_t copy_id(const copy *self);

#endif
