/* libraft behind plain C types: its own headers are not C++. One bridge is one member of a Raft cluster with its data
 * directory and its libuv loop, driven from outside: watch bridge_fd() for reading, wake after bridge_timeout(), and
 * call bridge_run() then and after every other call. Everything happens on the caller's thread; callbacks come from
 * inside bridge_run(), bridge_start(), bridge_close() and the requests, and must not call back into the bridge.
 *
 * libraft aborts the process on errors it cannot live with (a vote that cannot be written): see bridge_last_words(). */
#ifndef MATRIARCH_CONSENSUS_RAFT_BRIDGE_H
#define MATRIARCH_CONSENSUS_RAFT_BRIDGE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct bridge;

enum bridge_role { BRIDGE_STANDBY = 0, BRIDGE_VOTER = 1, BRIDGE_SPARE = 2 };
enum bridge_state { BRIDGE_UNAVAILABLE = 0, BRIDGE_FOLLOWER = 1, BRIDGE_CANDIDATE = 2, BRIDGE_LEADER = 3 };

/* What became of a request. BRIDGE_NOT_LEADER: certainly nothing was done. BRIDGE_LOST: leadership was lost while it
 * was under way; it may still take effect under the next leader. */
enum bridge_result { BRIDGE_DONE = 0, BRIDGE_NOT_LEADER, BRIDGE_LOST, BRIDGE_NO_SPACE, BRIDGE_BUSY, BRIDGE_REFUSED };

struct bridge_server {
    uint64_t id;
    const char *address;
    int role;
};

struct bridge_options {
    const char *directory; /* must exist; used by nobody else */
    uint64_t id;
    const char *address;
    unsigned election_timeout_ms;
    unsigned heartbeat_ms;
    unsigned connect_retry_ms;
    unsigned snapshot_threshold; /* entries */
    unsigned snapshot_trailing;  /* entries kept after a snapshot for members that are a little behind */
    unsigned segment_bytes;
};

struct bridge_callbacks {
    void *context;
    /* An entry is about to be written to this member's log, whoever submitted it. It may yet be replaced by another
     * leader's. Also called from inside bridge_submit. */
    void (*received)(void *context, const void *data, size_t size);
    /* A committed entry, in order of index, exactly once per run of the process (again after a restart, from the
     * last snapshot on). Non-zero: this program cannot apply it and the process must end. */
    int (*apply)(void *context, uint64_t index, const void *data, size_t size);
    /* The state as bytes from malloc(); the bridge frees them. */
    int (*snapshot)(void *context, void **data, size_t *size);
    int (*restore)(void *context, const void *data, size_t size);
    /* libraft wants a stream to that member: answer once with bridge_connected(). */
    void (*connect)(void *context, uint64_t token, uint64_t id, const char *address);
    /* The end of bridge_submit (only when it failed: success is apply), bridge_barrier, a change, a transfer. */
    void (*ended)(void *context, uint64_t token, int result);
};

struct bridge_status {
    int state;
    uint64_t term;
    uint64_t leader_id; /* 0 when unknown */
    uint64_t last_index;
    uint64_t commit_index;
    uint64_t applied_index;
    int is_changing_members;
};

/* All functions that take `error` write a sentence there when they fail and return non-zero. */
int bridge_open(struct bridge **out, const struct bridge_options *options, const struct bridge_callbacks *callbacks,
                char *error, size_t error_size);
/* Before bridge_start, on a directory that was never used: the first configuration. */
int bridge_bootstrap(struct bridge *bridge, const struct bridge_server *servers, unsigned count, char *error,
                     size_t error_size);
/* Before bridge_start, with no other member running: forces a configuration onto the log (quorum was lost). */
int bridge_recover(struct bridge *bridge, const struct bridge_server *servers, unsigned count, char *error,
                   size_t error_size);
int bridge_start(struct bridge *bridge, char *error, size_t error_size);
/* From the next timer on; at any time after bridge_start. `tick_ms` is how often timeouts are looked at: a leader that has been
 * silent for the heartbeat it was opened with says a word then, so that its silence is never longer than both together. */
void bridge_set_pace(struct bridge *bridge, unsigned election_timeout_ms, unsigned tick_ms);
/* Ends everything under way and frees the bridge. */
void bridge_close(struct bridge *bridge);

int bridge_fd(struct bridge *bridge);
int bridge_timeout(struct bridge *bridge); /* milliseconds, -1 = none */
void bridge_run(struct bridge *bridge);

/* `fd` is one end of a connected stream socket, or -1 when there is no connection. Takes the descriptor. */
void bridge_connected(struct bridge *bridge, uint64_t token, int fd);
/* A member connected to us. Takes the descriptor. */
void bridge_accepted(struct bridge *bridge, uint64_t id, const char *address, int fd);

/* Return a bridge_result; on BRIDGE_DONE the request is under way. `token` must be unique among those under way. */
int bridge_submit(struct bridge *bridge, uint64_t token, const void *data, size_t size, uint64_t *index);
int bridge_barrier(struct bridge *bridge, uint64_t token);
int bridge_add(struct bridge *bridge, uint64_t token, uint64_t id, const char *address);
int bridge_assign(struct bridge *bridge, uint64_t token, uint64_t id, int role);
int bridge_remove(struct bridge *bridge, uint64_t token, uint64_t id);
int bridge_transfer(struct bridge *bridge, uint64_t token, uint64_t id);

void bridge_get_status(struct bridge *bridge, struct bridge_status *status);
/* The present configuration (committed or not): how many there are; up to `max` are written. Addresses are valid
 * until the next bridge call. */
unsigned bridge_members(struct bridge *bridge, struct bridge_server *servers, unsigned max);
/* How far a member's log is known to match ours; 0 when unknown or not leading. */
uint64_t bridge_match_index(struct bridge *bridge, uint64_t id);
/* Takes a snapshot at the next applied entry when more than `threshold` entries came since the last one. */
void bridge_set_snapshot_threshold(struct bridge *bridge, unsigned threshold);

/* The last thing libraft said of itself in this thread: what there is to report when it aborts. Safe in a signal handler. */
const char *bridge_last_words(void);

#ifdef __cplusplus
}
#endif
#endif
