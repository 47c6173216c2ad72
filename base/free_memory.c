/* free_memory.c - see free_memory.h.
 *
 * A group's limit holds for all groups below it, so that every group on the way to the root is
 * asked; in a container the way is often that of the machine outside, of which only the end can be
 * seen.
 */
#include "base/free_memory.h"

#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { LINE_BYTES = 1024 };

/* What the files of a version of control groups are called. */
struct names {
    const char *folder, *limit, *usage, *inactive, *active;
};
static const struct names V1 = {"/sys/fs/cgroup/memory", "memory.limit_in_bytes",
                                "memory.usage_in_bytes", "total_inactive_file ",
                                "total_active_file "};
static const struct names V2 = {"/sys/fs/cgroup", "memory.max", "memory.current", "inactive_file ",
                                "active_file "};

/* The number after the key, with which a line of the file begins; false if there is none. */
static bool read_number(const char *path, const char *key, uint64_t *number)
{
    char line[LINE_BYTES];
    bool found = false;
    FILE *file = fopen(path, "r");
    while (file && !found && fgets(line, sizeof line, file))
        found = strncmp(line, key, strlen(key)) == 0 &&
                sscanf(line + strlen(key), "%" SCNu64, number) == 1;
    if (file) fclose(file);
    return found;
}

/* What the group leaves; UINT64_MAX without a limit. */
static uint64_t free_in_group(const char *root, const struct names *names, const char *group)
{
    char path[PATH_MAX];
    uint64_t limit, usage, inactive = 0, active = 0;
    snprintf(path, sizeof path, "%s%s%s/%s", root, names->folder, group, names->limit);
    if (!read_number(path, "", &limit)) return UINT64_MAX;
    snprintf(path, sizeof path, "%s%s%s/%s", root, names->folder, group, names->usage);
    if (!read_number(path, "", &usage)) return UINT64_MAX;
    snprintf(path, sizeof path, "%s%s%s/memory.stat", root, names->folder, group);
    (void)read_number(path, names->inactive, &inactive);
    (void)read_number(path, names->active, &active);
    usage -= inactive + active < usage ? inactive + active : usage;
    return limit > usage ? limit - usage : 0;
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Of the group and all above it; cuts the text. */
static uint64_t free_on_the_way(const char *root, const struct names *names, char *group)
{
    uint64_t n_free = UINT64_MAX;
    for (char *end = group + strlen(group);; end = strrchr(group, '/')) {
        if (end) *end = 0;
        n_free = least(n_free, free_in_group(root, names, group));
        if (!end || !*group) return n_free;
    }
}

/* A line of /proc/self/cgroup: NUMBER:CONTROLLERS:GROUP, without controllers in version 2. */
static uint64_t free_by_line(const char *root, char *line)
{
    char *controllers = strchr(line, ':');
    char *group = controllers ? strchr(controllers + 1, ':') : NULL;
    if (!group) return UINT64_MAX;
    *group++ = 0;
    group[strcspn(group, "\n")] = 0;
    if (!*++controllers) return free_on_the_way(root, &V2, group);
    return strcmp(controllers, "memory") == 0 ? free_on_the_way(root, &V1, group) : UINT64_MAX;
}

uint64_t free_memory_bytes(const char *root)
{
    char path[PATH_MAX], line[LINE_BYTES];
    uint64_t n_kib, n_free = UINT64_MAX;
    snprintf(path, sizeof path, "%s/proc/meminfo", root);
    if (read_number(path, "MemAvailable:", &n_kib)) n_free = n_kib << 10;
    snprintf(path, sizeof path, "%s/proc/self/cgroup", root);
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file)) n_free = least(n_free, free_by_line(root, line));
    if (file) fclose(file);
    return n_free;
}
