/* What the files of the plugin share. The declarations are those of qemu-plugin.h, interface 1, and
 * of the C library, so that no header of either is needed. */

typedef unsigned long u64;
typedef unsigned int u32;
struct block;
struct instruction;

/* qemu-plugin.h */
extern void qemu_plugin_outs(const char *);
extern unsigned long qemu_plugin_tb_n_insns(const struct block *);
extern u64 qemu_plugin_tb_vaddr(const struct block *);
extern struct instruction *qemu_plugin_tb_get_insn(const struct block *, unsigned long);
extern const void *qemu_plugin_insn_data(const struct instruction *);
extern u32 qemu_plugin_mem_size_shift(u32);
extern _Bool qemu_plugin_mem_is_store(u32);
extern void qemu_plugin_reset(u64, void (*)(u64));
extern void qemu_plugin_register_vcpu_tb_trans_cb(u64, void (*)(u64, struct block *));
extern void qemu_plugin_register_vcpu_tb_exec_cb(struct block *, void (*)(u32, void *), int, void *);
extern void qemu_plugin_register_vcpu_tb_exec_inline(struct block *, int, void *, u64);
extern void qemu_plugin_register_vcpu_mem_cb(
    struct instruction *, void (*)(u32, u32, u64, void *), int, int, void *);
extern void qemu_plugin_register_vcpu_syscall_cb(
    u64, void (*)(u64, u32, long, u64, u64, u64, u64, u64, u64, u64, u64));

#define NO_REGISTERS 0 /* QEMU_PLUGIN_CB_NO_REGS */
#define READ_WRITE 3   /* QEMU_PLUGIN_MEM_RW */
#define ADD 0          /* QEMU_PLUGIN_INLINE_ADD_U64 */

/* The C library */
extern void *calloc(unsigned long, unsigned long);
extern void *realloc(void *, unsigned long);
extern void free(void *);
extern void *memcpy(void *, const void *, unsigned long);
extern int strcmp(const char *, const char *);
extern int snprintf(char *, unsigned long, const char *, ...);
extern void *fopen(const char *, const char *);
extern int fscanf(void *, const char *, ...);
extern int fprintf(void *, const char *, ...);
extern int fclose(void *);

/* operators.c */
extern int read_order(const char *folder);
extern void translate_recorded(u64 id, struct block *block);
extern void write_record(void);

/* caches.c */
#define LEVELS 3
struct traffic {
    u64 loaded, stored;         /* bytes, by instructions */
    u64 lines;                  /* that were touched, each once */
    u64 misses[LEVELS];         /* by level of cache */
    u64 fetched, written;       /* lines from memory and to it */
};
extern struct traffic traffic;
extern void clear_caches(void);
extern void add_cache(u64 bytes, u32 ways);
extern int caches(void);
extern void accessed(u32 cpu, u32 how, u64 address, void *unused);
extern void begin_traffic(void);
