/* build_info.c - see build_info.h. BUILD_* are defined by the Makefile for this file.
 *
 * A compiler run without the Makefile (an editor, a static checker) sees "unknown" everywhere.
 */
#include "harness/run/build_info.h"

#include <elf.h>
#include <link.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#ifndef BUILD_VERSION
#define BUILD_VERSION "unknown"
#define BUILD_REVISION "unknown"
#define BUILD_DIRTY 0
#define BUILD_COMPILER "unknown"
#define BUILD_FLAGS "unknown"
#endif

const struct build_info *build_info(void)
{
    static const struct build_info info = {
        .version = BUILD_VERSION,
        .git_revision = BUILD_REVISION,
        .git_dirty = BUILD_DIRTY,
        .compiler = BUILD_COMPILER,
        .flags = BUILD_FLAGS,
    };
    return &info;
}

/* Writes the build id that stands among the notes [n_bytes], each a header, a name and a
 * description, padded to 4 bytes. */
static void find_build_id(const unsigned char *notes, size_t n_bytes, char hex[BUILD_ID_BYTES])
{
    static const char NAME[] = ELF_NOTE_GNU;
    ElfW(Nhdr) note;
    while (n_bytes >= sizeof note) {
        memcpy(&note, notes, sizeof note);
        size_t at = sizeof note + ((note.n_namesz + (size_t)3) & ~(size_t)3);
        size_t end = at + ((note.n_descsz + (size_t)3) & ~(size_t)3);
        if (end > n_bytes) return;
        if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == sizeof NAME &&
            !memcmp(notes + sizeof note, NAME, sizeof NAME) &&
            2 * (size_t)note.n_descsz < BUILD_ID_BYTES) {
            for (size_t i = 0; i < note.n_descsz; i++) sprintf(hex + 2 * i, "%02x", notes[at + i]);
            return;
        }
        notes += end;
        n_bytes -= end;
    }
}

/* The first object is the program itself. */
static int look_at_object(struct dl_phdr_info *object, size_t size, void *hex)
{
    (void)size;
    for (size_t i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &object->dlpi_phdr[i];
        if (part->p_type == PT_NOTE)
            find_build_id((const unsigned char *)object->dlpi_addr + part->p_vaddr, part->p_memsz,
                          hex);
    }
    return 1;
}

void build_id(char hex[BUILD_ID_BYTES])
{
    hex[0] = 0;
    dl_iterate_phdr(look_at_object, hex);
}
