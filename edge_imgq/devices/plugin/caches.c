/* Data caches of a core: sets of lines of 64 bytes, the least recently used of which goes.
 *
 * A write that misses fetches the line; a changed line is written to the next level when it goes.
 * Addresses are those of the program. There is no prefetch: misses say how many lines move, not how
 * long anybody waits for them.
 */

#include "plugin.h"

#define LINE 6 /* its bytes, as a power of two */
#define CHANGED 1UL

struct level {
    u64 sets;
    u32 ways;
    u64 *lines; /* of each set, the last used first: (line + 1) << 1, and CHANGED */
};

struct traffic traffic;
static struct level level[LEVELS];
static int levels;
static u64 last;
static int last_is_changed;

static u64 *table; /* of lines that were touched: (line + 1) << 20, and the number of the operator */
static u64 entries, used, number;

int caches(void) { return levels; }

void clear_caches(void)
{
    while (levels)
        free(level[--levels].lines);
    last = number = used = entries = 0;
    free(table);
    table = 0;
}

void add_cache(u64 bytes, u32 ways)
{
    struct level *one = &level[levels];
    if (levels == LEVELS || !ways || bytes >> LINE < ways)
        return;
    one->ways = ways;
    one->sets = (bytes >> LINE) / ways;
    one->lines = calloc(one->sets * ways, sizeof(u64));
    levels++;
}

void begin_traffic(void)
{
    static const struct traffic none;
    traffic = none;
    number++;
    last = 0;
}

/* Puts a line first in its set; returns whether it was there, and the line that had to go. */
static int use(struct level *one, u64 line, u64 changed, u64 *gone)
{
    u64 *set = one->lines + line % one->sets * one->ways, key = line + 1, found = 0;
    u32 at = 0;
    while (at < one->ways - 1 && set[at] >> 1 != key)
        at++;
    if (set[at] >> 1 == key)
        found = set[at];
    *gone = found ? 0 : set[at];
    for (; at; at--)
        set[at] = set[at - 1];
    set[0] = key << 1 | changed | (found & CHANGED);
    return found != 0;
}

static void write_back(int from, u64 line)
{
    u64 gone;
    if (from == levels) {
        traffic.written++;
        return;
    }
    use(&level[from], line, CHANGED, &gone);
    if (gone & CHANGED)
        write_back(from + 1, (gone >> 1) - 1);
}

static void reach(int from, u64 line, u64 changed)
{
    u64 gone;
    if (from == levels) {
        traffic.fetched++;
        return;
    }
    if (use(&level[from], line, changed, &gone))
        return;
    traffic.misses[from]++;
    if (gone & CHANGED)
        write_back(from + 1, (gone >> 1) - 1);
    reach(from + 1, line, 0);
}

/* Returns the place of a line in the table: its own, or an empty one. */
static u64 *place(u64 line)
{
    u64 at = line * 0x9e3779b97f4a7c15UL >> 20 & entries - 1;
    while (table[at] && table[at] >> 20 != line + 1)
        at = at + 1 & entries - 1;
    return &table[at];
}

static void touch(u64 line)
{
    if (2 * used >= entries) {
        u64 *old = table, before = entries;
        entries = before ? 2 * before : 1 << 16;
        table = calloc(entries, sizeof(u64));
        for (u64 i = 0; i < before; i++)
            if (old[i])
                *place((old[i] >> 20) - 1) = old[i];
        free(old);
    }
    u64 *entry = place(line), now = line + 1 << 20 | number & 0xfffff;
    used += !*entry;
    traffic.lines += *entry != now;
    *entry = now;
}

void accessed(u32 cpu, u32 how, u64 address, void *unused)
{
    u64 bytes = 1UL << qemu_plugin_mem_size_shift(how), line = address >> LINE;
    u64 changed = qemu_plugin_mem_is_store(how);
    if (changed)
        traffic.stored += bytes;
    else
        traffic.loaded += bytes;
    for (u64 end = address + bytes - 1 >> LINE; line <= end; line++) {
        if (line + 1 == last && (last_is_changed || !changed))
            continue;
        last = line + 1;
        last_is_changed = changed;
        touch(line);
        reach(0, line, changed);
    }
}
