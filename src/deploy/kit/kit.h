/* deploy/kit: conversion kits for OAK cameras' tools. pictures.c makes aligned faces of photos and measures their light and pose,
 * choose.c picks those to calibrate on and to compare with, yaml.c writes modelconverter's configuration and yaml_read.c reads
 * it, readme.c writes the page, sums.c the digests, kit.c makes the whole folder; zip.c reads calibration.zip, check.c holds a
 * kit against all that it says. */
#ifndef ARC_DEPLOY_KIT_H
#define ARC_DEPLOY_KIT_H

#include "deploy/archive/archive.h"
#include <arcface/kit.h>

#define ARC_KIT_ONNX "arcface.onnx"
#define ARC_KIT_ARCHIVE "arcface.tar.xz"
#define ARC_KIT_ZIP "calibration.zip"
#define ARC_KIT_SHEET "calibration.jpg"
#define ARC_KIT_README "README.md"
#define ARC_KIT_SUMS "SHA256SUMS"
#define ARC_KIT_REFERENCE "reference"
#define ARC_KIT_UNPACKED "calibration" /* the folder that the zip is unpacked to */
#define ARC_KIT_OUTPUT "output"        /* where modelconverter writes */

#define ARC_KIT_MAX_FACES 4096 /* kept in memory to choose from */
#define ARC_KIT_MAX_REFERENCE 32
#define ARC_KIT_TRAITS 5
#define ARC_KIT_ALIKE 0.99f /* cosine of pictures of one moment */

/* The network's ends, which everything in a kit must agree with. */
typedef struct arc_kit_network {
    int64_t height_px, width_px, dim;
    bool l2;
} arc_kit_network;

/* ---- pictures.c ---- */

typedef struct arc_kit_faces {
    arc_image *crop;  /* [count], of the template's size */
    float *embedding; /* [count][dim], unit vectors */
    float *trait;     /* [count][ARC_KIT_TRAITS]: brightness, contrast, light from one side, turned sideways, nodding */
    float *norm;      /* [count] quality, as arc_result_face has it */
    int count, dim;
    int64_t seen; /* faces so far; of more than ARC_KIT_MAX_FACES each has the same chance to be kept */
    arc_rng rng;
} arc_kit_faces;

/* Free it after failures too. */
arc_status arc_kit_gather(arc_context *ctx, const arc_model *model, const arc_photo_source *pictures, const arc_kit_options *opt,
                          arc_kit_faces *faces, arc_kit_report *report, arc_error *err);
void arc_kit_faces_free(arc_context *ctx, arc_kit_faces *faces);

/* ---- choose.c ---- */

/* Takes out faces that are hardly to be seen, or none at all: what is most unlike all others would be those. */
void arc_kit_drop_unclear(arc_context *ctx, arc_kit_faces *faces, arc_kit_report *report);

/* calibration, reference: indices of faces, in the order of choice, [ARC_KIT_MAX_FACES]; how many is in the report. */
arc_status arc_kit_choose(arc_context *ctx, const arc_kit_faces *faces, const arc_kit_options *opt, int32_t *calibration,
                          int32_t *reference, arc_kit_report *report, arc_error *err);

/* ---- yaml.c, yaml_read.c, readme.c ---- */

typedef enum arc_kit_target { ARC_KIT_RVC2, ARC_KIT_RVC4, ARC_KIT_TARGETS } arc_kit_target;
const char *arc_kit_yaml_name(arc_kit_target target); /* "rvc2.yaml" */
void arc_kit_yaml(arc_text *t, arc_kit_target target, const arc_kit_network *n);
/* Whether what it says of the network is true. */
void arc_kit_yaml_check(arc_findings *f, arc_kit_target target, const arc_kit_network *n, const void *bytes, size_t count);

/* A setting: its keys and numbers of list items with dots between them, "inputs.0.name", and the rest of its line. */
typedef struct arc_yaml_setting {
    const char *path, *value;
} arc_yaml_setting;
#define ARC_YAML_MAX_SETTINGS 128
#define ARC_YAML_MAX_BYTES ((size_t)1 << 16)
/* The part of YAML that settings are written in: mappings and lists in blocks, values on one line, comments. Texts go to the
 * arena. *count is 0 after a failure. Errors: ECORRUPT names the line; ELIMIT; ENOMEM. */
arc_status arc_yaml_read(arc_arena *arena, const void *bytes, size_t count, const char *name,
                         arc_yaml_setting setting[ARC_YAML_MAX_SETTINGS], int *settings, arc_error *err);

void arc_kit_readme(arc_text *t, const arc_kit_network *n, const arc_kit_report *report);

/* ---- sums.c ---- */

/* "FOLDER/NAME". Errors: ELIMIT. */
arc_status arc_kit_path(const char *folder, const char *name, char path[ARC_PATH_BYTES], arc_error *err);

/* Digests of every file of the kit in `folder`, sorted, as sha256sum writes them. */
arc_status arc_kit_sums_save(const arc_alloc *a, const char *folder, arc_error *err);
/* Every file there is listed with its digest, every listed file is there. */
arc_status arc_kit_sums_check(const arc_alloc *a, const char *folder, arc_findings *f, arc_error *err);

/* ---- zip.c ---- */

/* Called with each member's bytes; a status other than ARC_OK ends the reading with it. */
typedef arc_status arc_kit_zip_visit(void *ctx, const char *name, const uint8_t *bytes, size_t count, arc_error *err);
/* The members of a zip in memory, one after the other; sentences leave out which zip it is. Errors: ECORRUPT (damaged, links,
 * names that lead elsewhere or stand twice), ELIMIT, ENOMEM, those of `visit`. */
arc_status arc_kit_zip_read(const arc_alloc *a, const void *bytes, size_t count, arc_kit_zip_visit *visit, void *visit_ctx,
                            arc_error *err);

#endif
