/* Runs a command, and writes the peak of its memory to a file, in KiB.
 *
 *     peak FILE COMMAND...
 *
 * Linux lets a program begin with the peak of the process that started it; this one is small. Ends
 * as the command does. */
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv) {
    if (argc < 3) {
        fprintf(stderr, "usage: peak FILE COMMAND...\n");
        return 2;
    }
    pid_t child = fork();
    if (child == 0) {
        execvp(argv[2], argv + 2);
        perror(argv[2]);
        _exit(127);
    }
    int status;
    struct rusage usage;
    FILE *file = fopen(argv[1], "w");
    if (child < 0 || wait4(child, &status, 0, &usage) < 0 || !file) {
        perror("peak");
        return 1;
    }
    fprintf(file, "%ld\n", usage.ru_maxrss);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
