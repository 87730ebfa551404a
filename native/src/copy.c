#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"

/* Bytes of one system call, and of one turn: no copy keeps the others waiting. */
#define FILE_PIECE (512 * 1024)
#define SOCKET_PIECE (1024 * 1024)
#define TURN (4 * 1024 * 1024)
/* Windows grow to this size for readers that take them quickly. */
#define FAST_WINDOW (2 * 1024 * 1024)
/* Two duplicates and a pipe. */
#define DESCRIPTORS 4
/* How long closing waits for a system call that runs, so that the count of bytes is exact. */
#define PATIENCE_NS (500 * 1000)

static bool may_hold_more(const copier *owner) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return false;
  return limit.rlim_cur == RLIM_INFINITY || owner->held + DESCRIPTORS <= limit.rlim_cur / 2;
}

copy *copy_open(copier *owner, int source, bool is_socket, int target) {
  if (!may_hold_more(owner)) {
    errno = EMFILE;
    return NULL;
  }
  copy *self = calloc(1, sizeof *self);
  if (!self) return NULL;
  self->owner = owner;
  self->is_socket = is_socket;
  self->pipe = (pipe_ends){-1, -1, false};
  self->source = fcntl(source, F_DUPFD_CLOEXEC, 3);
  self->target = self->source < 0 ? -1 : fcntl(target, F_DUPFD_CLOEXEC, 3);
  if (self->target < 0) {
    int error = errno;
    if (self->source >= 0) close(self->source);
    free(self);
    errno = error;
    return NULL;
  }
  owner->held += DESCRIPTORS;
  return self;
}

bool copy_arm(copy *self, bool for_source) {
  int fd = for_source ? self->source : self->target;
  bool *is_known = for_source ? &self->is_source_known : &self->is_target_known;
  /* one shot: an end that nobody waits for wakes nobody */
  struct epoll_event event = {
      .events = (for_source ? EPOLLIN : EPOLLOUT) | EPOLLONESHOT,
      .data.ptr = self,
  };
  int operation = *is_known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
  *is_known = true;
  return epoll_ctl(self->owner->epoll, operation, fd, &event) == 0;
}

bool copy_window(copy *self, off_t offset, uint64_t length) {
  if (atomic_load(&self->state) != STATE_IDLE) {
    errno = EBUSY;
    return false;
  }
  self->offset = offset;
  self->left = length;
  self->outcome = OUTCOME_DONE;
  atomic_store(&self->moved, 0);
  atomic_store(&self->waits_for_source, false);
  atomic_store(&self->state, STATE_PARKED);
  if (copy_arm(self, false)) return true;
  atomic_store(&self->state, STATE_IDLE);
  return false;
}

uint64_t copy_moved(const copy *self) { return atomic_load(&self->moved); }

bool copy_waits_for_source(const copy *self) { return atomic_load(&self->waits_for_source); }

outcome copy_outcome(const copy *self) { return self->outcome; }

void copy_set_id(copy *self, uint32_t id) { self->id = id; }

uint32_t copy_id(const copy *self) { return self->id; }

/*
 * A duplicate that is closed stays in epoll as long as the original is open, so it is taken out first.
 */
void copy_release(copy *self) {
  int epoll = self->owner->epoll;
  if (self->is_source_known) epoll_ctl(epoll, EPOLL_CTL_DEL, self->source, NULL);
  if (self->is_target_known) epoll_ctl(epoll, EPOLL_CTL_DEL, self->target, NULL);
  close(self->source);
  close(self->target);
  /* what is left in it belongs to a body that nobody reads on */
  if (self->pipe.reader >= 0) copier_close_pipe(self->owner, &self->pipe);
}

static int64_t monotonic_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* The thread is told to close it, and mostly does within a system call's time. */
static uint64_t close_busy(copy *self) {
  int64_t until = monotonic_ns() + PATIENCE_NS;
  while (atomic_load(&self->state) != STATE_DEAD && monotonic_ns() < until) sched_yield();
  uint64_t moved = atomic_load(&self->moved);
  int cancelled = STATE_CANCELLED;
  if (!atomic_compare_exchange_strong(&self->state, &cancelled, STATE_ABANDONED)) {
    moved = atomic_load(&self->moved);
    copier_bury(self->owner, self);
  }
  return moved;
}

uint64_t copy_close(copy *self) {
  self->owner->held -= DESCRIPTORS;
  for (;;) {
    int state = atomic_load(&self->state);
    if (state == STATE_BUSY) {
      if (atomic_compare_exchange_strong(&self->state, &state, STATE_CANCELLED))
        return close_busy(self);
    } else if (atomic_compare_exchange_strong(&self->state, &state, STATE_DEAD)) {
      uint64_t moved = atomic_load(&self->moved);
      copy_release(self);
      /* the list of the finished still names it */
      if (state != STATE_FINISHED) copier_bury(self->owner, self);
      return moved;
    }
  }
}

static step end_with(copy *self, outcome how) {
  self->outcome = how;
  return STEP_END;
}

/* Whether the page of one byte is in memory; true as well where the file system cannot tell. */
static bool is_warm(int fd, off_t offset) {
  char byte;
  struct iovec io = {.iov_base = &byte, .iov_len = 1};
  return preadv2(fd, &io, 1, offset, RWF_NOWAIT) >= 0 || errno != EAGAIN;
}

static step fail_file(copy *self) {
  switch (errno) {
    case EAGAIN:
      return STEP_WAIT_TARGET;
    case EINTR:
      return STEP_AGAIN;
    case EINVAL:
    case ENOSYS:
    case EOPNOTSUPP:
      return end_with(self, OUTCOME_DECLINED);
    case EIO:
    case EOVERFLOW:
      return end_with(self, OUTCOME_SOURCE_FAILED);
    default:
      return end_with(self, OUTCOME_TARGET_FAILED);
  }
}

/*
 * One thread serves all copies, so it does not wait for a disk: what is read ahead and what is thrown out
 * of memory are runs of pages, so the ends of a piece tell of its middle.
 */
static size_t warm_piece(const copy *self) {
  size_t piece = self->left < FILE_PIECE ? self->left : FILE_PIECE;
  while (!is_warm(self->source, self->offset + (off_t)piece - 1)) {
    piece /= 4;
    if (piece < 4096) return 0;
  }
  return is_warm(self->source, self->offset) ? piece : 0;
}

static step step_file(copy *self) {
  size_t piece = warm_piece(self);
  if (piece == 0) return end_with(self, OUTCOME_DECLINED);
  ssize_t sent = sendfile(self->target, self->source, &self->offset, piece);
  if (sent < 0) return fail_file(self);
  if (sent == 0) return end_with(self, OUTCOME_SOURCE_FAILED);
  self->left -= (uint64_t)sent;
  atomic_fetch_add(&self->moved, (uint64_t)sent);
  return self->left == 0 ? end_with(self, OUTCOME_DONE) : STEP_AGAIN;
}

static step drain_pipe(copy *self) {
  ssize_t sent = splice(self->pipe.reader, NULL, self->target, NULL, self->in_pipe,
                        SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
  if (sent > 0) {
    self->in_pipe -= (size_t)sent;
    atomic_fetch_add(&self->moved, (uint64_t)sent);
    return STEP_AGAIN;
  }
  if (sent < 0 && errno == EAGAIN) return STEP_WAIT_TARGET;
  if (sent < 0 && errno == EINTR) return STEP_AGAIN;
  return end_with(self, OUTCOME_TARGET_FAILED);
}

static step fill_pipe(copy *self) {
  bool is_fast = self->left >= FAST_WINDOW;
  if (self->pipe.reader < 0 && !copier_take_pipe(self->owner, is_fast, &self->pipe))
    return end_with(self, OUTCOME_DECLINED);
  size_t piece = self->left < SOCKET_PIECE ? self->left : SOCKET_PIECE;
  ssize_t taken = splice(self->source, NULL, self->pipe.writer, NULL, piece,
                         SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
  if (taken > 0) {
    self->in_pipe = (size_t)taken;
    self->left -= (uint64_t)taken;
    return STEP_AGAIN;
  }
  if (taken < 0 && errno == EAGAIN) return STEP_WAIT_SOURCE;
  if (taken < 0 && errno == EINTR) return STEP_AGAIN;
  if (taken < 0 && (errno == EINVAL || errno == ENOSYS))
    return end_with(self, OUTCOME_DECLINED);
  return end_with(self, OUTCOME_SOURCE_FAILED);
}

static step step_socket(copy *self) {
  if (self->in_pipe > 0) return drain_pipe(self);
  return self->left > 0 ? fill_pipe(self) : end_with(self, OUTCOME_DONE);
}

step copy_step(copy *self) {
  uint64_t until = atomic_load(&self->moved) + TURN;
  step next = STEP_AGAIN;
  while (next == STEP_AGAIN && atomic_load(&self->moved) < until) {
    if (atomic_load(&self->state) != STATE_BUSY) break;
    next = self->is_socket ? step_socket(self) : step_file(self);
  }
  if (self->in_pipe == 0 && self->pipe.reader >= 0 && next != STEP_AGAIN)
    copier_give_pipe(self->owner, &self->pipe);
  return next;
}
