/* arcface export --simulate: what a device's arithmetic does to a model. */
#ifndef ARCFACE_CLI_SIMULATE_H
#define ARCFACE_CLI_SIMULATE_H

#include "ui/cli.h"

int export_simulate(cli *c); /* an exit status */

#endif
