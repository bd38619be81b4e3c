/*
 * What the libraries use and glibc 2.28 lacks, for scripts/libraries.sh: linked in under the C library's own names,
 * and local to the libraries. Linux on x86-64.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* 2.33. Until then the header made calls of __xstat of them. The kernel's structure is glibc's, with and without 64. */
int stat(const char *path, struct stat *status)
{
    return (int)syscall(SYS_stat, path, status);
}

/* 2.33. */
int stat64(const char *path, struct stat64 *status)
{
    return (int)syscall(SYS_stat, path, status);
}

/* 2.33. */
int fstat(int descriptor, struct stat *status)
{
    return (int)syscall(SYS_fstat, descriptor, status);
}

/* 2.33. */
int fstat64(int descriptor, struct stat64 *status)
{
    return (int)syscall(SYS_fstat, descriptor, status);
}

/* 2.29. */
int getcpu(unsigned int *cpu, unsigned int *node)
{
    return (int)syscall(SYS_getcpu, cpu, node, NULL);
}

/* 2.30. */
pid_t gettid(void)
{
    return (pid_t)syscall(SYS_gettid);
}

/* Random bytes where getrandom is missing: from /dev/urandom, once /dev/random says that the kernel has been seeded. */
static int read_device(void *bytes, size_t len)
{
    struct pollfd seeded = {.fd = open("/dev/random", O_RDONLY | O_CLOEXEC), .events = POLLIN};
    int device = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
    int ready = -1;
    ssize_t got = -1;

    if (seeded.fd >= 0 && device >= 0) {
        do {
            ready = poll(&seeded, 1, -1);
        } while (ready < 0 && errno == EINTR);
        do {
            got = read(device, bytes, len);
        } while (got < 0 && errno == EINTR);
    }
    if (seeded.fd >= 0) {
        close(seeded.fd);
    }
    if (device >= 0) {
        close(device);
    }
    return ready == 1 && (seeded.revents & POLLIN) && got == (ssize_t)len;
}

/* 2.36. The caller cannot be told of a failure, and a number that is not random must not be taken for one. */
uint32_t arc4random(void)
{
    uint32_t number;
    ssize_t got;

    do {
        got = getrandom(&number, sizeof number, 0);
    } while (got < 0 && errno == EINTR);
    /* A kernel before 3.17, or a sandbox that refuses the call. */
    if (got != (ssize_t)sizeof number && !read_device(&number, sizeof number)) {
        abort();
    }
    return number;
}

/* 2.32. The C++ runtime counts references without atomic operations while this is not 0: threads may always exist. */
const char __libc_single_threaded = 0;

#ifndef DLFO_STRUCT_HAS_EH_DBASE
/* As <dlfcn.h> has it from 2.35 on. */
struct dl_find_object {
    unsigned long long dlfo_flags;
    void *dlfo_map_start;
    void *dlfo_map_end;
    struct link_map *dlfo_link_map;
    void *dlfo_eh_frame;
    unsigned long long dlfo_reserved[7];
};
#endif

struct search {
    uintptr_t address;
    struct dl_find_object *found;
};

/* Ends the iteration, with 1, at the object that holds the address. */
static int search_object(struct dl_phdr_info *object, size_t size, void *argument)
{
    const struct search *search = argument;
    struct dl_find_object found = {.dlfo_link_map = NULL};
    uintptr_t low = UINTPTR_MAX, high = 0;
    int holds = 0;

    (void)size;
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
        uintptr_t start = object->dlpi_addr + segment->p_vaddr, end = start + segment->p_memsz;

        if (segment->p_type == PT_GNU_EH_FRAME) {
            found.dlfo_eh_frame = (void *)start;
        } else if (segment->p_type == PT_LOAD) {
            low = start < low ? start : low;
            high = end > high ? end : high;
            holds |= search->address >= start && search->address < end;
        }
    }
    if (!holds) {
        return 0;
    }
    found.dlfo_map_start = (void *)low;
    found.dlfo_map_end = (void *)high;
    *search->found = found;
    return 1;
}

/*
 * 2.35. How libgcc's unwinder finds the unwind table (PT_GNU_EH_FRAME) of the code at an address, in the way that it
 * did so before. It reads nothing but dlfo_eh_frame; the link map is not known here.
 */
int _dl_find_object(void *address, struct dl_find_object *found)
{
    struct search search = {(uintptr_t)address, found};

    return dl_iterate_phdr(search_object, &search) == 1 && found->dlfo_eh_frame != NULL ? 0 : -1;
}
