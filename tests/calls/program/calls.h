/* Shared by the parts of the program that makes system calls as a script says (language: ../README.md). */
#define _GNU_SOURCE
#include <stddef.h>
#include <sys/types.h>

struct name {
    const char *text;
    long number;
};
extern const struct name call_names[], constant_names[];

/* What a word of a script stands for: a number or memory, and how to print that after the call. */
enum shape {
    PLAIN, STAT, STAT_TIMES, STATX, STATX_TIMES, TEXT, BYTES, NAMES, ENTRIES, INTS, UNIX_ADDRESS, PEER, STATFS, SILENT
};
struct value {
    long number;
    enum shape shape;
    size_t size;
};

/* words.c */
void fail(const char *what, const char *word);
char *word(char **at);
struct value value(char **at, const struct value *before);
long number_of(const char *text);
void keep(const char *slot, long number);
const char *error_name(int number);
size_t quoted(char **at, char *into, size_t room);

/* answers.c */
void answer(const struct value *given, long result);
void list(const char *path, int kinds);
void same(const char *left, const char *right);

/* dump.c */
void dump(const char *path);

/* show.c */
int show(char **argv, char **envp);

/* output.c */
struct output;
extern __thread struct output *here;
struct output *output_of_its_own(void);
void append(struct output *part);
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
void say_text(const char *text, size_t size);

/* blocks.c */
int block(int line, char **at);
int special(int line, const char *name, char **at);

/* calls.c */
extern char *lines[];
extern int line_count;
void run(int first, int end);
int end_of(int line);
