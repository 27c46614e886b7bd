/* base: what this machine is. */
#ifndef ARC_BASE_MACHINE_H
#define ARC_BASE_MACHINE_H

#include <stdint.h>

/* Bytes of memory of this machine, or of the container (control group) that the process is in if that has less; 0: not known. */
int64_t arc_machine_memory(void);

#endif
