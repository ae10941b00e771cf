#include "consensus/raft/bridge.h"

#include <raft.h>
#include <raft/uv.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A stream libraft waits for. */
struct wish {
    uint64_t token;
    struct raft_uv_connect *request;
    struct wish *next;
};

struct bridge {
    struct bridge_callbacks callbacks;
    uv_loop_t loop;
    struct raft_uv_transport transport;
    raft_uv_accept_cb accept;
    struct raft_io io;
    int (*append)(struct raft_io *, struct raft_io_append *, const struct raft_entry[], unsigned, raft_io_append_cb);
    struct raft_fsm fsm;
    struct raft raft;
    struct raft_tracer tracer;
    struct wish *wishes;
    uint64_t last_wish;
    int is_closed;
};

/* A request under way: libraft's own structure and who asked. */
struct request {
    struct bridge *bridge;
    uint64_t token;
    union {
        struct raft_apply apply;
        struct raft_barrier barrier;
        struct raft_change change;
        struct raft_transfer transfer;
    } as;
};

/* Of each thread its own: libraft also speaks from the threads that write for it, and the one that aborts handles the signal. */
static _Thread_local char last_words[512];

const char *bridge_last_words(void) { return last_words; }

static void trace(struct raft_tracer *tracer, int type, const void *info)
{
    const struct raft_tracer_info *said = info;
    (void)tracer;
    if (type != RAFT_TRACER_DIAGNOSTIC) {
        return;
    }
    strncpy(last_words, said->diagnostic.message, sizeof last_words - 1);
}

static int fail(char *error, size_t size, const char *what, const char *why)
{
    snprintf(error, size, "%s: %s", what, why);
    return 1;
}

static int result_of(int status)
{
    switch (status) {
        case 0:
            return BRIDGE_DONE;
        case RAFT_NOTLEADER:
            return BRIDGE_NOT_LEADER;
        case RAFT_LEADERSHIPLOST:
        case RAFT_CANCELED:
        case RAFT_SHUTDOWN:
        case RAFT_NOCONNECTION:
            return BRIDGE_LOST;
        case RAFT_NOSPACE:
            return BRIDGE_NO_SPACE;
        case RAFT_CANTCHANGE:
        case RAFT_BUSY:
            return BRIDGE_BUSY;
        default:
            return BRIDGE_REFUSED;
    }
}

/* --- the state machine --- */

static int fsm_apply(struct raft_fsm *fsm, const struct raft_buffer *buf, void **result)
{
    struct bridge *bridge = fsm->data;
    *result = NULL;
    /* libraft counts last_applied up after this returns. */
    return bridge->callbacks.apply(bridge->callbacks.context, raft_last_applied(&bridge->raft) + 1, buf->base,
                                   buf->len) == 0
               ? 0
               : RAFT_MALFORMED;
}

static int fsm_snapshot(struct raft_fsm *fsm, struct raft_buffer *bufs[], unsigned *n_bufs)
{
    struct bridge *bridge = fsm->data;
    void *data = NULL;
    size_t size = 0;
    if (bridge->callbacks.snapshot(bridge->callbacks.context, &data, &size) != 0) {
        return RAFT_NOMEM;
    }
    *bufs = raft_malloc(sizeof **bufs);
    if (*bufs == NULL) {
        free(data);
        return RAFT_NOMEM;
    }
    (*bufs)[0].base = data; /* libraft's heap is malloc: it frees it */
    (*bufs)[0].len = size;
    *n_bufs = 1;
    return 0;
}

static int fsm_restore(struct raft_fsm *fsm, struct raft_buffer *buf)
{
    struct bridge *bridge = fsm->data;
    if (bridge->callbacks.restore(bridge->callbacks.context, buf->base, buf->len) != 0) {
        return RAFT_CORRUPT;
    }
    raft_free(buf->base);
    return 0;
}

/* --- the log: written by libraft, watched by us --- */

static int io_append(struct raft_io *io, struct raft_io_append *req, const struct raft_entry entries[], unsigned n,
                     raft_io_append_cb cb)
{
    struct bridge *bridge = (struct bridge *)((char *)io - offsetof(struct bridge, io));
    unsigned i;
    for (i = 0; i < n; i++) {
        if (entries[i].type == RAFT_COMMAND) {
            bridge->callbacks.received(bridge->callbacks.context, entries[i].buf.base, entries[i].buf.len);
        }
    }
    return bridge->append(io, req, entries, n, cb);
}

/* --- the transport: who connects to whom is decided outside --- */

static int transport_init(struct raft_uv_transport *transport, raft_id id, const char *address)
{
    (void)transport;
    (void)id;
    (void)address;
    return 0;
}

static int transport_listen(struct raft_uv_transport *transport, raft_uv_accept_cb cb)
{
    struct bridge *bridge = transport->impl;
    bridge->accept = cb;
    return 0;
}

static int transport_connect(struct raft_uv_transport *transport, struct raft_uv_connect *req, raft_id id,
                             const char *address, raft_uv_connect_cb cb)
{
    struct bridge *bridge = transport->impl;
    struct wish *wish = malloc(sizeof *wish);
    if (wish == NULL) {
        return RAFT_NOMEM;
    }
    req->cb = cb;
    wish->token = ++bridge->last_wish;
    wish->request = req;
    wish->next = bridge->wishes;
    bridge->wishes = wish;
    bridge->callbacks.connect(bridge->callbacks.context, wish->token, id, address);
    return 0;
}

static void transport_close(struct raft_uv_transport *transport, raft_uv_transport_close_cb cb)
{
    struct bridge *bridge = transport->impl;
    bridge->accept = NULL;
    while (bridge->wishes != NULL) {
        struct wish *wish = bridge->wishes;
        bridge->wishes = wish->next;
        wish->request->cb(wish->request, NULL, RAFT_CANCELED);
        free(wish);
    }
    cb(transport);
}

/* A stream of libuv around the descriptor, in libraft's memory because libraft frees it. */
static struct uv_stream_s *make_stream(struct bridge *bridge, int fd)
{
    struct uv_pipe_s *pipe = raft_malloc(sizeof *pipe);
    if (pipe == NULL) {
        close(fd);
        return NULL;
    }
    if (uv_pipe_init(&bridge->loop, pipe, 0) != 0) {
        raft_free(pipe);
        close(fd);
        return NULL;
    }
    if (uv_pipe_open(pipe, fd) != 0) {
        close(fd);
        uv_close((struct uv_handle_s *)pipe, (uv_close_cb)raft_free);
        return NULL;
    }
    return (struct uv_stream_s *)pipe;
}

void bridge_connected(struct bridge *bridge, uint64_t token, int fd)
{
    struct wish **at = &bridge->wishes;
    struct wish *wish;
    struct raft_uv_connect *request;
    struct uv_stream_s *stream;
    while (*at != NULL && (*at)->token != token) {
        at = &(*at)->next;
    }
    wish = *at;
    if (wish == NULL) {
        if (fd >= 0) {
            close(fd);
        }
        return;
    }
    *at = wish->next;
    request = wish->request;
    free(wish);
    stream = fd >= 0 ? make_stream(bridge, fd) : NULL;
    request->cb(request, stream, stream != NULL ? 0 : RAFT_NOCONNECTION);
}

void bridge_accepted(struct bridge *bridge, uint64_t id, const char *address, int fd)
{
    struct uv_stream_s *stream;
    if (bridge->accept == NULL) {
        close(fd);
        return;
    }
    stream = make_stream(bridge, fd);
    if (stream != NULL) {
        bridge->accept(&bridge->transport, id, address, stream);
    }
}

/* --- life --- */

static void set_up(struct bridge *bridge, const struct bridge_options *options)
{
    struct raft *raft = &bridge->raft;
    raft->tracer = &bridge->tracer;
    raft_set_heartbeat_timeout(raft, options->heartbeat_ms);
    raft_set_election_timeout(raft, options->election_timeout_ms);
    raft_set_install_snapshot_timeout(raft, 10000);
    raft_set_pre_vote(raft, true);
    raft_set_snapshot_threshold(raft, options->snapshot_threshold);
    raft_set_snapshot_trailing(raft, options->snapshot_trailing);
    raft_set_max_catch_up_rounds(raft, 10);
    raft_set_max_catch_up_round_duration(raft, 5000);
    /* One entry per message. libraft 0.22.1 takes a membership change that is not the first entry of a message for an
     * entry at the index of the first (replicationAppend passes the same index for all): the follower would never
     * learn that it was committed, put an old configuration into its snapshots, and refuse changes when it leads.
     * Commands are batched into entries before they come here, so that this costs no throughput. */
    raft_set_max_inflight_entries(raft, 1);
    /* libraft stops accepting entries when a majority has less prepared disk space than this (in KiB). */
    raft_set_capacity_threshold(raft, (unsigned short)(options->segment_bytes / 1024 / 4));

    raft_uv_set_connect_retry_delay(&bridge->io, options->connect_retry_ms);
    raft_uv_set_segment_size(&bridge->io, options->segment_bytes);
    raft_uv_set_disk_retry(&bridge->io, 200);
    /* Damaged files are for an operator to judge: libraft would move them aside and go on without what they hold. */
    raft_uv_set_auto_recovery(&bridge->io, false);
}

int bridge_open(struct bridge **out, const struct bridge_options *options, const struct bridge_callbacks *callbacks,
                char *error, size_t error_size)
{
    int rv;
    struct bridge *bridge = calloc(1, sizeof *bridge);
    if (bridge == NULL) {
        return fail(error, error_size, "start of Raft", "out of memory");
    }
    bridge->callbacks = *callbacks;
    rv = uv_loop_init(&bridge->loop);
    if (rv != 0) {
        free(bridge);
        return fail(error, error_size, "event loop", uv_strerror(rv));
    }
    bridge->transport.version = 1;
    bridge->transport.impl = bridge;
    bridge->transport.init = transport_init;
    bridge->transport.listen = transport_listen;
    bridge->transport.connect = transport_connect;
    bridge->transport.close = transport_close;
    bridge->tracer.version = 2;
    bridge->tracer.emit = trace;
    bridge->fsm.version = 2;
    bridge->fsm.data = bridge;
    bridge->fsm.apply = fsm_apply;
    bridge->fsm.snapshot = fsm_snapshot;
    bridge->fsm.restore = fsm_restore;

    rv = raft_uv_init(&bridge->io, &bridge->loop, options->directory, &bridge->transport);
    if (rv != 0) {
        fail(error, error_size, options->directory, bridge->io.errmsg);
        uv_loop_close(&bridge->loop);
        free(bridge);
        return 1;
    }
    bridge->append = bridge->io.append;
    bridge->io.append = io_append;
    raft_uv_set_tracer(&bridge->io, &bridge->tracer);
    rv = raft_init(&bridge->raft, &bridge->io, &bridge->fsm, options->id, options->address);
    if (rv != 0) {
        fail(error, error_size, options->directory, raft_errmsg(&bridge->raft));
        raft_uv_close(&bridge->io);
        uv_loop_close(&bridge->loop);
        free(bridge);
        return 1;
    }
    set_up(bridge, options);
    *out = bridge;
    return 0;
}

static int make_configuration(struct raft_configuration *configuration, const struct bridge_server *servers,
                              unsigned count)
{
    unsigned i;
    raft_configuration_init(configuration);
    for (i = 0; i < count; i++) {
        int rv = raft_configuration_add(configuration, servers[i].id, servers[i].address, servers[i].role);
        if (rv != 0) {
            raft_configuration_close(configuration);
            return rv;
        }
    }
    return 0;
}

int bridge_bootstrap(struct bridge *bridge, const struct bridge_server *servers, unsigned count, char *error,
                     size_t error_size)
{
    struct raft_configuration configuration;
    int rv = make_configuration(&configuration, servers, count);
    if (rv != 0) {
        return fail(error, error_size, "first configuration", raft_strerror(rv));
    }
    rv = raft_bootstrap(&bridge->raft, &configuration);
    raft_configuration_close(&configuration);
    return rv == 0 ? 0 : fail(error, error_size, "first configuration", bridge->io.errmsg);
}

int bridge_recover(struct bridge *bridge, const struct bridge_server *servers, unsigned count, char *error,
                   size_t error_size)
{
    struct raft_configuration configuration;
    int rv = make_configuration(&configuration, servers, count);
    if (rv != 0) {
        return fail(error, error_size, "forced configuration", raft_strerror(rv));
    }
    rv = raft_recover(&bridge->raft, &configuration);
    raft_configuration_close(&configuration);
    return rv == 0 ? 0 : fail(error, error_size, "forced configuration", bridge->io.errmsg);
}

int bridge_start(struct bridge *bridge, char *error, size_t error_size)
{
    int rv = raft_start(&bridge->raft);
    if (rv != 0) {
        const char *why = raft_errmsg(&bridge->raft);
        return fail(error, error_size, raft_strerror(rv), why[0] != '\0' ? why : bridge->io.errmsg);
    }
    return 0;
}

static void closed(struct raft *raft)
{
    struct bridge *bridge = raft->data;
    bridge->is_closed = 1;
}

void bridge_close(struct bridge *bridge)
{
    bridge->raft.data = bridge;
    raft_close(&bridge->raft, closed);
    while (!bridge->is_closed) {
        uv_run(&bridge->loop, UV_RUN_ONCE);
    }
    uv_run(&bridge->loop, UV_RUN_NOWAIT);
    raft_uv_close(&bridge->io);
    uv_loop_close(&bridge->loop);
    free(bridge);
}

int bridge_fd(struct bridge *bridge) { return uv_backend_fd(&bridge->loop); }

int bridge_timeout(struct bridge *bridge)
{
    uv_update_time(&bridge->loop);
    return uv_backend_timeout(&bridge->loop);
}

void bridge_run(struct bridge *bridge) { uv_run(&bridge->loop, UV_RUN_NOWAIT); }

/* --- requests --- */

static struct request *new_request(struct bridge *bridge, uint64_t token)
{
    struct request *request = calloc(1, sizeof *request);
    if (request == NULL) {
        abort(); /* a process of a few megabytes that cannot get a few bytes has no future */
    }
    request->bridge = bridge;
    request->token = token;
    uv_update_time(&bridge->loop);
    return request;
}

static int begun(struct request *request, int status)
{
    if (status != 0) {
        free(request);
    }
    return result_of(status);
}

static void end(struct request *request, int status)
{
    struct bridge_callbacks callbacks = request->bridge->callbacks;
    uint64_t token = request->token;
    free(request);
    callbacks.ended(callbacks.context, token, result_of(status));
}

static void apply_done(struct raft_apply *req, int status, void *result)
{
    struct request *request = req->data;
    (void)result;
    if (status == 0) {
        free(request); /* what came of it was said by apply */
        return;
    }
    end(request, status);
}

static void barrier_done(struct raft_barrier *req, int status) { end(req->data, status); }
static void change_done(struct raft_change *req, int status) { end(req->data, status); }
static void transfer_done(struct raft_transfer *req)
{
    struct request *request = req->data;
    raft_id leader = 0;
    const char *address = NULL;
    raft_leader(&request->bridge->raft, &leader, &address);
    end(request, leader == req->id ? 0 : RAFT_LEADERSHIPLOST);
}

int bridge_submit(struct bridge *bridge, uint64_t token, const void *data, size_t size, uint64_t *index)
{
    struct request *request = new_request(bridge, token);
    struct raft_buffer buf;
    int rv;
    buf.len = (size + 7) / 8 * 8; /* libraft writes whole words */
    buf.base = raft_calloc(1, buf.len);
    if (buf.base == NULL) {
        abort();
    }
    memcpy(buf.base, data, size);
    request->as.apply.data = request;
    rv = raft_apply(&bridge->raft, &request->as.apply, &buf, 1, apply_done);
    if (rv != 0) {
        /* Only these leave the entry out of the log for certain, and the memory ours. */
        if (rv != RAFT_NOTLEADER && rv != RAFT_NOSPACE) {
            abort();
        }
        raft_free(buf.base);
    } else {
        *index = request->as.apply.index;
    }
    return begun(request, rv);
}

/* The one repeating timer is libraft's tick; it starts with the heartbeat that Raft was opened with. */
static void set_tick(uv_handle_t *handle, void *milliseconds)
{
    if (uv_handle_get_type(handle) == UV_TIMER && uv_timer_get_repeat((uv_timer_t *)handle) != 0) {
        uv_timer_set_repeat((uv_timer_t *)handle, *(const unsigned *)milliseconds);
    }
}

void bridge_set_pace(struct bridge *bridge, unsigned election_timeout_ms, unsigned tick_ms)
{
    /* Of each member its own, or members that were started together would stand for election together. */
    tick_ms -= (unsigned)(bridge->raft.id % (tick_ms / 4 + 1));
    uv_walk(&bridge->loop, set_tick, &tick_ms);
    raft_set_election_timeout(&bridge->raft, election_timeout_ms);
}

int bridge_barrier(struct bridge *bridge, uint64_t token)
{
    struct request *request = new_request(bridge, token);
    request->as.barrier.data = request;
    return begun(request, raft_barrier(&bridge->raft, &request->as.barrier, barrier_done));
}

int bridge_add(struct bridge *bridge, uint64_t token, uint64_t id, const char *address)
{
    struct request *request = new_request(bridge, token);
    request->as.change.data = request;
    return begun(request, raft_add(&bridge->raft, &request->as.change, id, address, change_done));
}

int bridge_assign(struct bridge *bridge, uint64_t token, uint64_t id, int role)
{
    struct request *request = new_request(bridge, token);
    request->as.change.data = request;
    return begun(request, raft_assign(&bridge->raft, &request->as.change, id, role, change_done));
}

int bridge_remove(struct bridge *bridge, uint64_t token, uint64_t id)
{
    struct request *request = new_request(bridge, token);
    request->as.change.data = request;
    return begun(request, raft_remove(&bridge->raft, &request->as.change, id, change_done));
}

int bridge_transfer(struct bridge *bridge, uint64_t token, uint64_t id)
{
    struct request *request = new_request(bridge, token);
    request->as.transfer.data = request;
    return begun(request, raft_transfer(&bridge->raft, &request->as.transfer, id, transfer_done));
}

/* --- observation --- */

void bridge_get_status(struct bridge *bridge, struct bridge_status *status)
{
    struct raft *raft = &bridge->raft;
    raft_id leader = 0;
    const char *address = NULL;
    raft_leader(raft, &leader, &address);
    status->state = (int)raft_state(raft);
    status->term = raft_current_term(raft);
    status->leader_id = leader;
    status->last_index = raft_last_index(raft);
    status->commit_index = raft_commit_index(raft);
    status->applied_index = raft_last_applied(raft);
    status->is_changing_members = raft->configuration_uncommitted_index != 0 ||
                                  (raft_state(raft) == RAFT_LEADER && raft->leader_state.promotee_id != 0);
}

unsigned bridge_members(struct bridge *bridge, struct bridge_server *servers, unsigned max)
{
    const struct raft_configuration *configuration = &bridge->raft.configuration;
    unsigned i;
    for (i = 0; i < configuration->n && i < max; i++) {
        servers[i].id = configuration->servers[i].id;
        servers[i].address = configuration->servers[i].address;
        servers[i].role = configuration->servers[i].role;
    }
    return configuration->n;
}

uint64_t bridge_match_index(struct bridge *bridge, uint64_t id)
{
    raft_index index = 0;
    return raft_match_index(&bridge->raft, id, &index) == 0 ? index : 0;
}

void bridge_set_snapshot_threshold(struct bridge *bridge, unsigned threshold)
{
    raft_set_snapshot_threshold(&bridge->raft, threshold);
}
