/* Records what runs between the beginnings of operators: which blocks how often, pieces of the
 * stream of blocks, and what is read and written.
 *
 * The order, a text file in the folder, says where operators begin: `begin ADDRESS` for a function,
 * `outside FIRST LAST` for code that belongs to none, `cache BYTES WAYS` for each level of caches.
 *
 * The record, beside it: `operator I` with the number of the `begin` line that began it, or -1
 * outside; its instructions, bytes loaded and stored, lines touched, misses of three levels, lines
 * from memory and to it; then lines `ran BLOCK TIMES` and `piece BLOCK BLOCK …`. At the end a line
 * `block NUMBER ADDRESS WORDS` for each block that ran.
 *
 * Pieces are PIECE instructions long. An operator is one piece after the other until there are
 * PIECES of them; then every other one is dropped, and the distance of those to come is doubled.
 */

#include "plugin.h"

#define PIECE 4000
#define PIECES 4
#define BEGINNINGS 4096
#define OUTSIDE (-1)

struct seen {
    u64 address;
    u32 length, number, runs, written;
    int begins; /* 0, number of a beginning + 1, or OUTSIDE */
    struct seen *next;
    u32 words[];
};

struct piece {
    u32 blocks, room;
    u32 *numbers;
};

static u64 beginnings[BEGINNINGS], first_outside, last_outside;
static int begun;
static void *record;
static struct seen *all;
static u32 blocks;

static struct seen **touched;
static u32 touches, room;
static struct piece pieces[PIECES];
static int current, kept, is_open;
static u64 instructions, piece_end, next_piece, distance;

int read_order(const char *folder)
{
    char path[4200], word[16];
    u64 first, second;
    snprintf(path, sizeof path, "%s/order", folder);
    void *order = fopen(path, "r");
    if (!order)
        return 0;
    begun = 0;
    first_outside = last_outside = 0;
    clear_caches();
    while (fscanf(order, "%15s", word) == 1) {
        if (!strcmp(word, "begin") && fscanf(order, "%lx", &first) == 1 && begun < BEGINNINGS)
            beginnings[begun++] = first;
        else if (!strcmp(word, "outside") && fscanf(order, "%lx %lx", &first, &second) == 2)
            first_outside = first, last_outside = second;
        else if (!strcmp(word, "cache") && fscanf(order, "%lu %lu", &first, &second) == 2)
            add_cache(first, second);
    }
    fclose(order);
    snprintf(path, sizeof path, "%s/record", folder);
    record = fopen(path, "w");
    return record != 0;
}

static void begin(int which)
{
    current = which;
    touches = kept = is_open = 0;
    instructions = next_piece = 0;
    distance = PIECE;
    begin_traffic();
}

static void end(void)
{
    if (!instructions)
        return;
    fprintf(record, "operator %d %lu %lu %lu %lu %lu %lu %lu %lu %lu\n", current, instructions,
            traffic.loaded, traffic.stored, traffic.lines, traffic.misses[0], traffic.misses[1],
            traffic.misses[2], traffic.fetched, traffic.written);
    for (u32 i = 0; i < touches; i++) {
        fprintf(record, "ran %u %u\n", touched[i]->number, touched[i]->runs);
        touched[i]->runs = 0;
    }
    for (int i = 0; i < kept; i++) {
        fprintf(record, "piece");
        for (u32 k = 0; k < pieces[i].blocks; k++)
            fprintf(record, " %u", pieces[i].numbers[k]);
        fprintf(record, "\n");
    }
}

/* Begins a piece; where there are PIECES, keeps the second, fourth and so on. */
static void begin_piece(void)
{
    if (kept == PIECES) {
        for (int i = 0; i < PIECES / 2; i++) {
            struct piece other = pieces[i];
            pieces[i] = pieces[2 * i + 1];
            pieces[2 * i + 1] = other;
        }
        kept = PIECES / 2;
        distance *= 2;
        next_piece = instructions + distance / 2;
        return;
    }
    pieces[kept++].blocks = 0;
    is_open = 1;
    piece_end = instructions + PIECE;
    next_piece = instructions + distance;
}

static void add_to_piece(u32 number)
{
    struct piece *piece = &pieces[kept - 1];
    if (piece->blocks == piece->room) {
        piece->room = piece->room ? 2 * piece->room : 256;
        piece->numbers = realloc(piece->numbers, piece->room * sizeof(u32));
    }
    piece->numbers[piece->blocks++] = number;
}

static void ran(u32 cpu, void *given)
{
    struct seen *block = given;
    if (!record)
        return;
    if (block->begins && !(block->begins == OUTSIDE && current == OUTSIDE)) {
        end();
        begin(block->begins == OUTSIDE ? OUTSIDE : block->begins - 1);
    }
    if (!block->runs++) {
        if (touches == room) {
            room = room ? 2 * room : 4096;
            touched = realloc(touched, room * sizeof *touched);
        }
        touched[touches++] = block;
        block->written = 1;
    }
    if (!is_open && instructions >= next_piece)
        begin_piece();
    if (is_open)
        add_to_piece(block->number);
    instructions += block->length;
    if (is_open && instructions >= piece_end)
        is_open = 0;
}

static int where_it_begins(u64 address)
{
    for (int i = 0; i < begun; i++)
        if (beginnings[i] == address)
            return i + 1;
    return address >= first_outside && address < last_outside ? OUTSIDE : 0;
}

void translate_recorded(u64 id, struct block *block)
{
    u32 length = qemu_plugin_tb_n_insns(block);
    struct seen *seen = calloc(1, sizeof *seen + length * sizeof(u32));
    seen->address = qemu_plugin_tb_vaddr(block);
    seen->length = length;
    seen->number = blocks++;
    seen->begins = where_it_begins(seen->address);
    seen->next = all;
    all = seen;
    qemu_plugin_register_vcpu_tb_exec_cb(block, ran, NO_REGISTERS, seen);
    for (u32 i = 0; i < length; i++) {
        struct instruction *one = qemu_plugin_tb_get_insn(block, i);
        memcpy(&seen->words[i], qemu_plugin_insn_data(one), sizeof(u32));
        if (caches())
            qemu_plugin_register_vcpu_mem_cb(one, accessed, NO_REGISTERS, READ_WRITE, 0);
    }
    if (blocks == 1)
        begin(OUTSIDE);
}

void write_record(void)
{
    if (!record)
        return;
    end();
    for (struct seen *block = all; block; block = block->next) {
        if (!block->written)
            continue;
        fprintf(record, "block %u %lx ", block->number, block->address);
        for (u32 i = 0; i < block->length; i++)
            fprintf(record, "%08x", block->words[i]);
        fprintf(record, "\n");
        block->written = 0;
    }
    all = 0; /* what was translated may still run, and is not freed */
    blocks = 0;
    fclose(record);
    record = 0;
}
