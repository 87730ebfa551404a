#ifndef INTERNAL_H
#define INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "copier.h"

#define SPARE_PIPES 32

/* Who may touch a copy. Each change of hands is one atomic exchange, so no lock is held anywhere. */
enum state {
  /* No window: the owner's. */
  STATE_IDLE,
  /* A window waits in epoll: whoever takes it first. */
  STATE_PARKED,
  /* The thread works on it. */
  STATE_BUSY,
  /* The thread works on it, and the owner waits for the thread to close it. */
  STATE_CANCELLED,
  /* As before, but the owner has stopped waiting: the thread buries it. */
  STATE_ABANDONED,
  /* The window has ended, and the owner does not know yet. */
  STATE_FINISHED,
  /* Closed. */
  STATE_DEAD,
};

typedef struct {
  int reader;
  int writer;
  bool is_large;
} pipe_ends;

struct copy {
  copier *owner;
  uint32_t id;
  bool is_socket;
  int source;
  int target;
  /* Known to epoll. */
  bool is_source_known;
  bool is_target_known;
  /* -1 while there is none. */
  pipe_ends pipe;
  size_t in_pipe;
  off_t offset;
  /* Bytes of the window that were not yet taken from the source. */
  uint64_t left;
  outcome outcome;
  _Atomic uint64_t moved;
  _Atomic bool waits_for_source;
  _Atomic int state;
  /* In the list of the finished, or among the dead. */
  copy *next;
};

struct copier {
  int epoll;
  int stop_event;
  pthread_t thread;
  void (*on_finished)(void *context);
  void *context;
  /* Descriptors that copies hold, as the owner counts them. */
  unsigned long held;
  pthread_mutex_t lock;
  /* Guarded by the lock; first in, first out. */
  copy *finished_first;
  copy *finished_last;
  /* Guarded by the lock: freed when no event can name them any more. */
  copy *dead;
  /* The thread's own. */
  pipe_ends spare[SPARE_PIPES];
  int spare_count;
  /* Pipes that were enlarged; those that copies still hold are closed by their owner. */
  _Atomic int large_count;
};

/* What a copy does next, as the thread sees it. */
typedef enum { STEP_AGAIN, STEP_WAIT_SOURCE, STEP_WAIT_TARGET, STEP_END } step;

/* Moves what can be moved now. */
step copy_step(copy *self);

/* Waits for one end of it. False: errno. */
bool copy_arm(copy *self, bool for_source);

/* Gives all descriptors back. */
void copy_release(copy *self);

void copier_bury(copier *self, copy *dead);
/* A large one if there is one to be had. */
bool copier_take_pipe(copier *self, bool large, pipe_ends *pipe);
void copier_give_pipe(copier *self, pipe_ends *pipe);
/* From any thread. */
void copier_close_pipe(copier *self, pipe_ends *pipe);

#endif
