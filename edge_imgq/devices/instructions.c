/* Counts the instructions of an emulated processor; a plugin for QEMU's user-mode emulation.
 *
 * Every translated block adds its length to the count when it runs. A program that closes the file
 * descriptor MARK, which does not exist, has the count written to the emulator's log.
 *
 * The declarations are those of qemu-plugin.h, interface 1, so that no header is needed.
 */

typedef unsigned long u64;
typedef unsigned int u32;
struct block;

#define CLOSE 57 /* the system call on aarch64 */
#define ADD 0    /* QEMU_PLUGIN_INLINE_ADD_U64 */

extern void qemu_plugin_outs(const char *);
extern unsigned long qemu_plugin_tb_n_insns(const struct block *);
extern void qemu_plugin_register_vcpu_tb_trans_cb(u64, void (*)(u64, struct block *));
extern void qemu_plugin_register_vcpu_tb_exec_inline(struct block *, int, void *, u64);
extern void qemu_plugin_register_vcpu_syscall_cb(
    u64, void (*)(u64, u32, long, u64, u64, u64, u64, u64, u64, u64, u64));

int qemu_plugin_version = 1;
static u64 count;

static void translated(u64 id, struct block *block)
{
    qemu_plugin_register_vcpu_tb_exec_inline(block, ADD, &count, qemu_plugin_tb_n_insns(block));
}

static void called(u64 id, u32 cpu, long number, u64 first, u64 b, u64 c, u64 d, u64 e, u64 f,
                   u64 g, u64 h)
{
    char text[32];
    int at = sizeof text - 1;
    u64 left = count;
    if (number != CLOSE || (int)first != MARK)
        return;
    text[at] = 0;
    text[--at] = '\n';
    do {
        text[--at] = '0' + left % 10;
        left /= 10;
    } while (left);
    qemu_plugin_outs(text + at);
}

int qemu_plugin_install(u64 id, const void *info, int words, char **given)
{
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_vcpu_syscall_cb(id, called);
    return 0;
}
