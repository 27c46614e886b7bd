/* deploy/card: the card of a model. sources.c reads the files that it is made of, blocks.c finds the blocks of the network and
 * drawing.c draws them, words.c names operators; details.c, results.c and technical.c write the sections into a document
 * (document.c), which page.c makes an HTML page of and markdown.c Markdown. card.c puts it together. Template of the sections:
 * Luxonis' HubAI, model registry. */
#ifndef ARC_DEPLOY_CARD_INTERNAL_H
#define ARC_DEPLOY_CARD_INTERNAL_H

#include "base/text.h"
#include "model/model.h"
#include <arcface/card.h>
#include <jansson.h>

/* ---- document.c ---- */

typedef enum arc_card_kind {
    ARC_CARD_HEADING,
    ARC_CARD_SUBHEADING,
    ARC_CARD_TEXT,
    ARC_CARD_WARNING,
    ARC_CARD_TILES,  /* value, label: the numbers that a reader looks for first */
    ARC_CARD_FIELDS, /* name, value */
    ARC_CARD_TABLE,
    ARC_CARD_LINKS,
    ARC_CARD_DRAWING /* text: one svg element; its cell says what it shows */
} arc_card_kind;

typedef struct arc_card_part {
    arc_card_kind kind;
    const char *text;        /* of headings, paragraphs, drawings; a table's caption; NULL: none */
    const char *const *head; /* [columns] of a table */
    int columns;
    const char **cell; /* [cells] row by row */
    int cells, room;
} arc_card_part;

#define ARC_CARD_MAX_PARTS 512
#define ARC_CARD_UNSTATED "not stated"

/* What stands on a card. Everything lies in the arena; when memory ends, `full` is set and nothing more is added. */
typedef struct arc_card_document {
    arc_arena arena;
    const char *title, *subtitle;
    arc_card_part part[ARC_CARD_MAX_PARTS];
    int parts;
    bool full;
} arc_card_document;

void arc_card_document_open(arc_card_document *d, const arc_alloc *a);
void arc_card_document_close(arc_card_document *d);
/* A text in the arena; "" when memory has ended. */
const char *arc_card_print(arc_card_document *d, const char *fmt, ...) ARC_PRINTF(2, 3);
/* 65,156,160 */
const char *arc_card_grouped(arc_card_document *d, int64_t n);
/* The text is copied; NULL: none. */
void arc_card_add(arc_card_document *d, arc_card_kind kind, const char *text);
/* head outlives the document. */
void arc_card_table(arc_card_document *d, const char *caption, const char *const *head, int columns);
/* The next cell of the last part; NULL and "" are not stated. */
void arc_card_cell(arc_card_document *d, const char *text);
/* A name and its value as cells of the last part. */
void arc_card_field(arc_card_document *d, const char *name, const char *value);

/* ---- sources.c ---- */

/* One result of an evaluation. */
typedef struct arc_card_result {
    json_t *json;
    bool int8; /* of the model in 8 bits */
} arc_card_result;

/* One row of throughput; texts belong to a source. */
typedef struct arc_card_speed {
    const char *precision, *isa, *processor;
    double fps, latency_ms, seconds;
} arc_card_speed;

/* All that a card says comes from here. */
typedef struct arc_card_sources {
    arc_context *ctx;
    const arc_model *model;
    const arc_card_options *opt;
    arc_model_facts facts, int8_facts;
    arc_model *int8;           /* NULL: none */
    json_t *recipe, *training; /* objects; NULL: not known */
    json_t *last, *checks;     /* of the run's log: its last step; [evaluations] as they came; NULL: not known */
    arc_card_result result[ARC_CARD_MAX_FILES];
    int results;
    json_t *line[ARC_CARD_MAX_FILES * 2]; /* of bench files: own the texts of `speed` */
    int lines;
    arc_card_speed speed[ARC_CARD_MAX_FILES * 3];
    int speeds;
    json_t *loss[ARC_CARD_MAX_FILES]; /* what quantizing costs */
    int losses;
    double length; /* L2 norm of the embedding of a drawn picture; 0: not known */
} arc_card_sources;

arc_status arc_card_sources_open(arc_card_sources *s, arc_context *ctx, const arc_model *model, const arc_card_options *opt,
                                 arc_error *err);
void arc_card_sources_close(arc_card_sources *s); /* after failures too */
/* Of an object that comes from outside; NULL and false where the key is missing or of another kind. */
const char *arc_card_string(const json_t *object, const char *key);
bool arc_card_number(const json_t *object, const char *key, double *out);

/* ---- words.c, blocks.c ---- */

/* What a reader of the architecture calls a node: "conv 3x3/2, 64"; "" for one that only moves numbers. */
typedef struct arc_card_network {
    const arc_graph *g;
    const arc_shape *out; /* [g->nodes] of the first output; rank -1: none, or not known */
    const bool *live;     /* [g->values] it depends on the picture, not on its size alone */
} arc_card_network;
void arc_card_word(const arc_card_network *net, const arc_node *n, char *text, size_t bytes);
/* A convolution or a product with weights. */
bool arc_card_has_weights(const arc_card_network *net, const arc_node *n);

/* A part of the network through whose end everything passes, or several alike in a row. */
typedef struct arc_card_block {
    const char *title;        /* "Residual unit" */
    const char *detail;       /* its layers in order, " · " between them */
    int times;                /* how often it follows itself */
    arc_shape out;            /* of its result, batch 1 in front */
    int64_t parameters, macs; /* of all its times */
} arc_card_block;

typedef struct arc_card_blocks {
    arc_card_block *block; /* [count] in the document's arena */
    int count;
} arc_card_blocks;

arc_status arc_card_blocks_find(arc_context *ctx, const arc_model *model, arc_card_document *d, arc_card_blocks *out,
                                arc_error *err);

/* ---- drawing.c ---- */

/* One svg element in the document's arena; NULL when memory has ended. */
const char *arc_card_draw(arc_card_document *d, const arc_card_blocks *blocks, const arc_model *model);

/* ---- details.c, results.c, technical.c ---- */

void arc_card_details(arc_card_document *d, const arc_card_sources *s);
void arc_card_training(arc_card_document *d, const arc_card_sources *s);
void arc_card_metrics(arc_card_document *d, const arc_card_sources *s);
void arc_card_tiles(arc_card_document *d, const arc_card_sources *s);
void arc_card_technical(arc_card_document *d, const arc_card_sources *s, const arc_card_blocks *blocks);
void arc_card_quantization(arc_card_document *d, const arc_card_sources *s);

/* ---- page.c, markdown.c ---- */

arc_status arc_card_page(arc_context *ctx, const arc_card_document *d, const char *path, arc_error *err);
arc_status arc_card_markdown(arc_context *ctx, const arc_card_document *d, const char *path, arc_error *err);

#endif
