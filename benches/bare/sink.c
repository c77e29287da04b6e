/* A bare SMTP sink: one thread, epoll, no checks. The other end that clients are measured against.
 *
 *     sink PORT        listens on 127.0.0.1 until SIGTERM
 *
 * At the end it prints "messages N user S system S". One write answers all of one read, so it
 * serves lock-step, groups, and a text with the next group behind it. A write that the socket does
 * not take at once is a failure: the few octets of an answer always fit unless nobody reads. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FILES = 65536, EVENTS = 512, READ = 65536, LINE = 1024 };

struct session {
    char line[LINE];  /* the beginning of a command whose end is not read yet */
    unsigned used;
    unsigned dot;     /* how many octets of CRLF.CRLF are matched; meaningful in a text */
    int in_text, open;
};

static struct session *sessions[FILES];
static unsigned long messages;
static volatile sig_atomic_t stopped;
static char in[READ], out[READ * 16];
static size_t out_used;

static void stop(int signal) { (void)signal; stopped = 1; }

static void say(const char *reply) {
    size_t length = strlen(reply);
    memcpy(out + out_used, reply, length);
    out_used += length;
}

static void obey(struct session *s, const char *line) {
    if (!strncasecmp(line, "DATA", 4)) {
        say("354 go\r\n");
        s->in_text = 1;
        s->dot = 2; /* a dot on the first line ends the text, too */
    } else if (!strncasecmp(line, "EHLO", 4)) {
        say("250-bare\r\n250-PIPELINING\r\n250 8BITMIME\r\n");
    } else if (!strncasecmp(line, "QUIT", 4)) {
        say("221 bye\r\n");
        s->open = 0;
    } else {
        say("250 ok\r\n");
    }
}

/* Matches CRLF.CRLF over any split; gives the octets used. */
static size_t read_text(struct session *s, const char *octets, size_t length) {
    static const char end[] = "\r\n.\r\n";
    for (size_t i = 0; i < length; i++) {
        if (s->dot == 0) {
            const char *cr = memchr(octets + i, '\r', length - i);
            if (!cr) return length;
            i = (size_t)(cr - octets);
        }
        if (octets[i] == end[s->dot]) s->dot++;
        else s->dot = octets[i] == '\r';
        if (s->dot == 5) {
            messages++;
            s->in_text = 0;
            say("250 ok\r\n");
            return i + 1;
        }
    }
    return length;
}

static size_t read_command(struct session *s, const char *octets, size_t length) {
    const char *feed = memchr(octets, '\n', length);
    size_t used = feed ? (size_t)(feed - octets) + 1 : length;
    if (feed && s->used == 0) { obey(s, octets); return used; }
    if (s->used + used >= LINE) { s->open = 0; return used; }
    memcpy(s->line + s->used, octets, used);
    s->used += (unsigned)used;
    if (feed) { s->used = 0; obey(s, s->line); }
    return used;
}

static void serve(int fd) {
    struct session *s = sessions[fd];
    ssize_t got = read(fd, in, READ);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) s->open = 0;
    out_used = 0;
    for (ssize_t at = 0; at < got && s->open;) {
        size_t left = (size_t)(got - at);
        at += (ssize_t)(s->in_text ? read_text(s, in + at, left) : read_command(s, in + at, left));
    }
    if (out_used && write(fd, out, out_used) != (ssize_t)out_used) s->open = 0;
    if (!s->open) close(fd);
}

static void admit(int epoll, int listener) {
    int one = 1, fd;
    while ((fd = accept4(listener, 0, 0, SOCK_NONBLOCK)) >= 0) {
        if (fd >= FILES) { close(fd); continue; }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        if (!sessions[fd]) sessions[fd] = malloc(sizeof *sessions[fd]);
        memset(sessions[fd], 0, sizeof *sessions[fd]);
        sessions[fd]->open = 1;
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
        if (write(fd, "220 bare\r\n", 10) != 10) close(fd);
    }
}

int main(int argc, char **argv) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    address.sin_port = htons((unsigned short)(argc > 1 ? atoi(argv[1]) : 0));
    int one = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (argc != 2 || bind(listener, (void *)&address, sizeof address) || listen(listener, 4096)) {
        perror("usage: sink PORT");
        return 2;
    }
    struct sigaction on_term = {.sa_handler = stop};
    sigaction(SIGTERM, &on_term, 0);
    signal(SIGPIPE, SIG_IGN);
    int epoll = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, ready[EVENTS];
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
    while (!stopped) {
        int count = epoll_wait(epoll, ready, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            if (ready[i].data.fd == listener) admit(epoll, listener);
            else serve(ready[i].data.fd);
        }
    }
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("messages %lu user %ld.%06ld system %ld.%06ld\n", messages, (long)usage.ru_utime.tv_sec,
           (long)usage.ru_utime.tv_usec, (long)usage.ru_stime.tv_sec, (long)usage.ru_stime.tv_usec);
    return 0;
}
