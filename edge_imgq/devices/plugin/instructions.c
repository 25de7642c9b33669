/* Counts the instructions of an emulated processor; a plugin for QEMU's user-mode emulation.
 *
 * Every translated block adds its length to the count when it runs. A program that closes the file
 * descriptor MARK, which does not exist, has the count written to the emulator's log.
 *
 * Closing MARK - 1 begins a record of operators (operators.c) in the folder that the plugin's
 * argument names, and closing MARK - 2 ends it. Everything is translated anew for a record, so
 * that a process that asks for none pays nothing.
 */

#include "plugin.h"

#define CLOSE 57 /* the system call on aarch64 */

__attribute__((visibility("default"))) int qemu_plugin_version = 1;
static u64 count;
static const char *folder = "";

static void begin_counting(u64 id);
static void begin_recording(u64 id);

static void translated(u64 id, struct block *block)
{
    qemu_plugin_register_vcpu_tb_exec_inline(block, ADD, &count, qemu_plugin_tb_n_insns(block));
}

static void called(u64 id, u32 cpu, long number, u64 first, u64 b, u64 c, u64 d, u64 e, u64 f,
                   u64 g, u64 h)
{
    char text[32];
    if (number != CLOSE)
        return;
    if ((int)first == MARK) {
        snprintf(text, sizeof text, "%lu\n", count);
        qemu_plugin_outs(text);
    } else if ((int)first == MARK - 1) {
        if (read_order(folder))
            qemu_plugin_reset(id, begin_recording);
    } else if ((int)first == MARK - 2) {
        write_record();
        qemu_plugin_reset(id, begin_counting);
    }
}

static void begin_recording(u64 id)
{
    qemu_plugin_register_vcpu_tb_trans_cb(id, translate_recorded);
    qemu_plugin_register_vcpu_syscall_cb(id, called);
}

static void begin_counting(u64 id)
{
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_vcpu_syscall_cb(id, called);
}

int qemu_plugin_install(u64 id, const void *info, int words, char **given)
{
    if (words) {
        char *copy = calloc(1, 4096);
        snprintf(copy, 4096, "%s", given[0]);
        folder = copy;
        while (*folder && *folder++ != '=')
            ;
    }
    begin_counting(id);
    return 0;
}
