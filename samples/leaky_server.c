// SPDX-License-Identifier: MIT

/*
 * A small server with three leaks of three kinds, to be watched under load:
 *
 *     leaky_server [PORT]      listens on 127.0.0.1, prints the port it got
 *
 * GET /login?user=NAME makes a session, GET /session?user=NAME looks it up, everything
 * else is 404. Sessions never expire (still held by g_sessions), every request is logged
 * in memory (held by g_request_log), and the request that ends in 404 is never freed
 * (lost). SIGTERM ends it.
 *
 * verdict: grows at session_new
 * verdict: grows at request_log_append
 * verdict: loses at request_new
 */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SESSION_BUCKETS 256

struct session {
    struct session *next;
    int visits;
    char user[64];
    char basket[4000]; /* what a shop would remember of him */
};

struct request {
    char path[64];
    char user[64];
    char headers[1024];
};

struct log_line {
    struct log_line *before;
    char text[160];
};

static struct session *g_sessions[SESSION_BUCKETS];
static struct log_line *g_request_log;
static volatile sig_atomic_t g_stopping;
static int g_listener;

static struct session **session_bucket(const char *user)
{
    unsigned hash = 5381;
    while (*user)
        hash = hash * 33 + (unsigned char)*user++;
    return &g_sessions[hash % SESSION_BUCKETS];
}

static struct session *session_find(const char *user)
{
    struct session *session = *session_bucket(user);
    while (session && strcmp(session->user, user) != 0)
        session = session->next;
    return session;
}

/* Leak 1: nothing ever takes a session out of the table again. */
static struct session *session_new(const char *user)
{
    struct session *session = calloc(1, sizeof(*session));
    if (!session)
        abort();
    struct session **bucket = session_bucket(user);
    snprintf(session->user, sizeof(session->user), "%s", user);
    session->next = *bucket;
    *bucket = session;
    return session;
}

/* Leak 2: the log has no end. */
static void request_log_append(const struct request *request, int status)
{
    struct log_line *line = malloc(sizeof(*line));
    if (!line)
        abort();
    snprintf(line->text, sizeof(line->text), "%d %s %s", status, request->path,
             request->user);
    line->before = g_request_log;
    g_request_log = line;
}

static struct request *request_new(const char *text)
{
    struct request *request = malloc(sizeof(*request));
    if (!request)
        abort();
    request->path[0] = request->user[0] = 0;
    sscanf(text, "GET %63[^? ]?user=%63[^ &\r\n]", request->path, request->user);
    snprintf(request->headers, sizeof(request->headers), "%s", text);
    return request;
}

static void respond(int connection, const char *status, const char *body)
{
    dprintf(connection,
            "HTTP/1.1 %s\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s", status,
            strlen(body), body);
}

static void handle_login(int connection, struct request *request)
{
    struct session *session = session_find(request->user);
    if (!session)
        session = session_new(request->user);
    session->visits++;
    respond(connection, "200 OK", "welcome\n");
}

static void handle_request(int connection, struct request *request)
{
    struct session *session = session_find(request->user);

    if (strcmp(request->path, "/login") == 0 && request->user[0]) {
        request_log_append(request, 200);
        handle_login(connection, request);
    } else if (strcmp(request->path, "/session") == 0 && session) {
        request_log_append(request, 200);
        respond(connection, "200 OK", "your session is alive\n");
    } else {
        request_log_append(request, 404);
        respond(connection, "404 Not Found", "no such page\n");
        return; /* leak 3: the request is freed on the good paths only */
    }
    free(request);
}

static void handle_connection(int connection)
{
    char text[1024];
    ssize_t size = read(connection, text, sizeof(text) - 1);
    if (size > 0) {
        text[size] = 0;
        handle_request(connection, request_new(text));
    }
    shutdown(connection, SHUT_WR);
    close(connection);
}

/* A listening socket on 127.0.0.1; port 0 lets the kernel choose. */
static int listen_on(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, size) < 0
        || listen(listener, 64) < 0
        || getsockname(listener, (struct sockaddr *)&address, &size) < 0) {
        perror("leaky_server: cannot listen");
        exit(1);
    }
    dprintf(STDOUT_FILENO, "listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
    return listener;
}

static void stop(int number)
{
    (void)number;
    g_stopping = 1;
    shutdown(g_listener, SHUT_RDWR); /* ends the accept that is waiting */
}

int main(int argc, char **argv)
{
    g_listener = listen_on(argc > 1 ? atoi(argv[1]) : 0);
    signal(SIGTERM, stop);
    signal(SIGINT, stop);
    signal(SIGPIPE, SIG_IGN);

    while (!g_stopping) {
        int connection = accept(g_listener, NULL, NULL);
        if (connection >= 0)
            handle_connection(connection);
        else if (!g_stopping && errno != EINTR && errno != ECONNABORTED)
            perror("leaky_server: accept");
    }
    close(g_listener);
    return 0;
}
