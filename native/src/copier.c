#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "internal.h"

#define EVENTS 64
#define STACK_BYTES (128 * 1024)
/* Four times the default: a fourth of the calls for a fast reader. */
#define PIPE_BYTES (256 * 1024)
/* For fast readers: a pipe that is filled less often costs a third less. Few, for a user may have 64 of them. */
#define LARGE_PIPE_BYTES (1024 * 1024)
#define LARGE_PIPES 16

static bool take_spare(copier *self, bool large, pipe_ends *pipe) {
  for (int at = self->spare_count - 1; at >= 0; at--) {
    if (self->spare[at].is_large != large) continue;
    *pipe = self->spare[at];
    self->spare[at] = self->spare[--self->spare_count];
    return true;
  }
  return false;
}

static bool make_pipe(pipe_ends *pipe) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return false;
  /* refused beyond a user's share of pipe memory: the default size does as well */
  fcntl(ends[1], F_SETPIPE_SZ, PIPE_BYTES);
  *pipe = (pipe_ends){ends[0], ends[1], false};
  return true;
}

static void enlarge(copier *self, pipe_ends *pipe) {
  if (atomic_load(&self->large_count) >= LARGE_PIPES) return;
  if (fcntl(pipe->writer, F_SETPIPE_SZ, LARGE_PIPE_BYTES) < 0) return;
  pipe->is_large = true;
  atomic_fetch_add(&self->large_count, 1);
}

bool copier_take_pipe(copier *self, bool large, pipe_ends *pipe) {
  if (large && take_spare(self, true, pipe)) return true;
  if (!take_spare(self, false, pipe) && !make_pipe(pipe)) return false;
  if (large) enlarge(self, pipe);
  return true;
}

void copier_close_pipe(copier *self, pipe_ends *pipe) {
  close(pipe->reader);
  close(pipe->writer);
  if (pipe->is_large) atomic_fetch_sub(&self->large_count, 1);
  *pipe = (pipe_ends){-1, -1, false};
}

void copier_give_pipe(copier *self, pipe_ends *pipe) {
  if (self->spare_count == SPARE_PIPES) {
    copier_close_pipe(self, pipe);
    return;
  }
  self->spare[self->spare_count++] = *pipe;
  *pipe = (pipe_ends){-1, -1, false};
}

void copier_bury(copier *self, copy *dead) {
  pthread_mutex_lock(&self->lock);
  dead->next = self->dead;
  self->dead = dead;
  pthread_mutex_unlock(&self->lock);
}

static void free_all(copy *first) {
  while (first) {
    copy *next = first->next;
    free(first);
    first = next;
  }
}

/* Between two batches of events: the dead were out of epoll before the next batch could name them. */
static void free_dead(copier *self) {
  pthread_mutex_lock(&self->lock);
  copy *dead = self->dead;
  self->dead = NULL;
  pthread_mutex_unlock(&self->lock);
  free_all(dead);
}

static void announce(copier *self, copy *finished) {
  finished->next = NULL;
  pthread_mutex_lock(&self->lock);
  bool is_first = self->finished_first == NULL;
  if (is_first)
    self->finished_first = finished;
  else
    self->finished_last->next = finished;
  self->finished_last = finished;
  pthread_mutex_unlock(&self->lock);
  /* one call tells of all that end before the owner looks */
  if (is_first) self->on_finished(self->context);
}

copy *copier_next_finished(copier *self) {
  for (;;) {
    pthread_mutex_lock(&self->lock);
    copy *first = self->finished_first;
    if (first) self->finished_first = first->next;
    pthread_mutex_unlock(&self->lock);
    if (!first) return NULL;
    int finished = STATE_FINISHED;
    if (atomic_compare_exchange_strong(&first->state, &finished, STATE_IDLE)) return first;
    /* closed before its end was told */
    copier_bury(self, first);
  }
}

static void close_cancelled(copier *self, copy *cancelled) {
  copy_release(cancelled);
  if (atomic_exchange(&cancelled->state, STATE_DEAD) == STATE_ABANDONED)
    copier_bury(self, cancelled);
}

static void serve(copier *self, copy *current) {
  int parked = STATE_PARKED;
  if (!atomic_compare_exchange_strong(&current->state, &parked, STATE_BUSY)) return;
  atomic_store(&current->waits_for_source, false);
  step next = copy_step(current);
  int busy = STATE_BUSY;
  if (next != STEP_END) {
    atomic_store(&current->waits_for_source, next == STEP_WAIT_SOURCE);
    if (copy_arm(current, next == STEP_WAIT_SOURCE)) {
      if (!atomic_compare_exchange_strong(&current->state, &busy, STATE_PARKED))
        close_cancelled(self, current);
      return;
    }
    current->outcome = OUTCOME_TARGET_FAILED;
  }
  /* who closes it from here on leaves it to the list */
  if (atomic_compare_exchange_strong(&current->state, &busy, STATE_FINISHED))
    announce(self, current);
  else
    close_cancelled(self, current);
}

static void *run(void *context) {
  copier *self = context;
  struct epoll_event events[EVENTS];
  for (;;) {
    int count = epoll_wait(self->epoll, events, EVENTS, -1);
    for (int at = 0; at < count; at++) {
      if (events[at].data.ptr == NULL) return NULL;
      serve(self, events[at].data.ptr);
    }
    free_dead(self);
  }
}

/* Signals are for the threads of the process that created this one. */
static int start_thread(copier *self) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, STACK_BYTES);
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int error = pthread_create(&self->thread, &attributes, run, self);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_attr_destroy(&attributes);
  return error;
}

copier *copier_start(void (*on_finished)(void *), void *context) {
  copier *self = calloc(1, sizeof *self);
  if (!self) return NULL;
  self->on_finished = on_finished;
  self->context = context;
  pthread_mutex_init(&self->lock, NULL);
  self->epoll = epoll_create1(EPOLL_CLOEXEC);
  self->stop_event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
  int error = 0;
  if (self->epoll < 0 || self->stop_event < 0 ||
      epoll_ctl(self->epoll, EPOLL_CTL_ADD, self->stop_event, &event) != 0)
    error = errno;
  else
    error = start_thread(self);
  if (error == 0) return self;
  if (self->epoll >= 0) close(self->epoll);
  if (self->stop_event >= 0) close(self->stop_event);
  free(self);
  errno = error;
  return NULL;
}

void copier_stop(copier *self) {
  eventfd_write(self->stop_event, 1);
  pthread_join(self->thread, NULL);
  while (self->spare_count > 0) copier_close_pipe(self, &self->spare[--self->spare_count]);
  while (copier_next_finished(self)) continue;
  free_all(self->dead);
  close(self->epoll);
  close(self->stop_event);
  pthread_mutex_destroy(&self->lock);
  free(self);
}
