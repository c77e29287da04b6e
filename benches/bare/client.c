/* A bare SMTP client: one thread, epoll, no checks but the codes. The least that a client can cost.
 *
 *     client -c CONNECTIONS -m MESSAGES -l OCTETS -g lock|group|full PORT
 *
 * Sends to 127.0.0.1 and keeps its connections. lock: one command at a time; group: MAIL, RCPT and
 * DATA in one write; full: the next group behind the text, too (RFC 2920 3.1). Prints
 * "messages N wall S user S system S"; any reply other than the expected one ends it with 1. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { FILES = 65536, EVENTS = 512, READ = 65536 };
enum group { LOCK, GROUP, FULL };
/* The reply that a session waits for next. */
enum step { GREETING, HELLO, MAIL, RCPT, DATA, END, BYE };

static const char *const codes[] = {"220", "250", "250", "250", "354", "250", "221"};
static const char HELO[] = "HELO bare.test\r\n", QUIT[] = "QUIT\r\n";
static const char SENDER[] = "MAIL FROM:<a@bare.test>\r\n";
static const char RECIPIENT[] = "RCPT TO:<b@bare.test>\r\n", TEXT_FOLLOWS[] = "DATA\r\n";

struct session {
    enum step awaits;
    int begun;         /* the group of the message behind this text is already sent */
    unsigned column;   /* octets of the current reply line */
    char code[4];
};

static struct session sessions[FILES];
static char in[READ], *text, group[128], *text_and_group;
static size_t text_length, group_length;
static long to_begin, done, open_sessions;
static enum group mode = LOCK;

static void fail(const char *what) { perror(what); exit(1); }

static void send_all(int fd, const char *octets, size_t length) {
    while (length) {
        ssize_t sent = write(fd, octets, length);
        if (sent < 0) fail("write");
        octets += sent;
        length -= (size_t)sent;
    }
}

static void begin(int fd, struct session *s) {
    if (to_begin == 0) {
        s->awaits = BYE;
        send_all(fd, QUIT, sizeof QUIT - 1);
        return;
    }
    to_begin--;
    s->awaits = MAIL;
    if (mode == LOCK) send_all(fd, SENDER, sizeof SENDER - 1);
    else send_all(fd, group, group_length);
}

static void send_text(int fd, struct session *s) {
    s->awaits = END;
    s->begun = mode == FULL && to_begin > 0;
    if (s->begun) {
        to_begin--;
        send_all(fd, text_and_group, text_length + group_length);
    } else {
        send_all(fd, text, text_length);
    }
}

static void advance(int fd, struct session *s) {
    if (strcmp(s->code, codes[s->awaits])) {
        fprintf(stderr, "got %s in place of %s\n", s->code, codes[s->awaits]);
        exit(1);
    }
    switch (s->awaits) {
    case GREETING: s->awaits = HELLO; send_all(fd, HELO, sizeof HELO - 1); break;
    case HELLO: begin(fd, s); break;
    case MAIL:
        s->awaits = RCPT;
        if (mode == LOCK) send_all(fd, RECIPIENT, sizeof RECIPIENT - 1);
        break;
    case RCPT:
        s->awaits = DATA;
        if (mode == LOCK) send_all(fd, TEXT_FOLLOWS, sizeof TEXT_FOLLOWS - 1);
        break;
    case DATA: send_text(fd, s); break;
    case END: done++; if (s->begun) s->awaits = MAIL; else begin(fd, s); break;
    case BYE: close(fd); open_sessions--; break;
    }
}

static void hear(int fd) {
    struct session *s = &sessions[fd];
    ssize_t got = read(fd, in, READ);
    if (got <= 0) fail("read");
    for (ssize_t i = 0; i < got; i++) {
        if (s->column < 3) s->code[s->column] = in[i];
        s->column++;
        if (in[i] == '\n') { s->column = 0; advance(fd, s); }
    }
}

static void build(size_t length) {
    group_length = (size_t)sprintf(group, "%s%s%s", SENDER, RECIPIENT, TEXT_FOLLOWS);
    text_and_group = text = malloc(length + 256);
    text_length = (size_t)sprintf(text, "Subject: bare\r\n\r\n");
    while (text_length < length) text[text_length++] = 'x';
    for (size_t at = 90; at + 2 < length; at += 78) memcpy(text + at, "\r\n", 2);
    text_length += (size_t)sprintf(text + text_length, "\r\n.\r\n");
    memcpy(text + text_length, group, group_length);
}

static double seconds(struct timeval t) { return (double)t.tv_sec + (double)t.tv_usec / 1e6; }

int main(int argc, char **argv) {
    long connections = 50, messages = 100000;
    size_t length = 1024;
    for (int option; (option = getopt(argc, argv, "c:m:l:g:")) != -1;) {
        if (option == 'c') connections = atol(optarg);
        else if (option == 'm') messages = atol(optarg);
        else if (option == 'l') length = (size_t)atol(optarg);
        else if (option == 'g') mode = optarg[0] == 'f' ? FULL : optarg[0] == 'g' ? GROUP : LOCK;
        else return 2;
    }
    if (optind != argc - 1) {
        fprintf(stderr, "usage: client [-c N] [-m N] [-l N] [-g lock|group|full] PORT\n");
        return 2;
    }
    build(length);
    to_begin = messages;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    address.sin_port = htons((unsigned short)atoi(argv[optind]));
    struct timespec from, to;
    clock_gettime(CLOCK_MONOTONIC, &from);
    int epoll = epoll_create1(0), one = 1;
    for (; open_sessions < connections; open_sessions++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        if (fd < 0 || fd >= FILES || connect(fd, (void *)&address, sizeof address)) fail("connect");
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
    }
    while (open_sessions) {
        struct epoll_event ready[EVENTS];
        int count = epoll_wait(epoll, ready, EVENTS, -1);
        for (int i = 0; i < count; i++) hear(ready[i].data.fd);
    }
    clock_gettime(CLOCK_MONOTONIC, &to);
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("messages %ld wall %.3f user %.6f system %.6f\n", done,
           (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9,
           seconds(usage.ru_utime), seconds(usage.ru_stime));
    return done == messages ? 0 : 1;
}
