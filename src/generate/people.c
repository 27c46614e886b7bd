/* generate: people from photos: who they are, and the mean embedding of each by the generating model and by judges. */
#include "generate/people.h"
#include "generate/metrics/generated.h"
#include <arcface/face.h>
#include <arcface/results.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define MAX_PEOPLE 65536
#define MAX_ENTRIES 1000000
#define NAME_BYTES 256

typedef struct photo {
    const char *path;
    int person;
} photo;

typedef struct gathering {
    arc_context *ctx;
    const arc_generate_people_options *o;
    arc_generate_people *p;
    photo *photo;
    size_t photos, capacity;
} gathering;

void arc_generate_people_options_default(arc_generate_people_options *options) {
    *options = (arc_generate_people_options){.struct_size = sizeof *options};
    arc_detect_options_default(&options->detect);
}

/* ---- who ------------------------------------------------------------------------------------------------------------------- */

static arc_status add_photo(gathering *g, const char *path, int person, arc_error *err) {
    if (g->photos == g->capacity) {
        photo *more = arc_mem_grow(&g->p->alloc, g->photo, g->capacity, g->capacity * 2 + 16, sizeof *more);
        if (!more)
            return arc_fail_nomem(err, "the list of photos");
        g->photo = more;
        g->capacity = g->capacity * 2 + 16;
    }
    g->photo[g->photos] = (photo){arc_arena_strdup(&g->p->arena, path), person};
    return g->photo[g->photos++].path ? ARC_OK : arc_fail_nomem(err, "the list of photos");
}

/* Entries of a folder that are not hidden: what each of this kind is, `visit` says. */
typedef arc_status visit_entry(gathering *g, const char *path, const char *name, int person, arc_error *err);
static arc_status each_entry(gathering *g, const char *folder, arc_path_kind kind, visit_entry *visit, int person, int *seen,
                             arc_error *err) {
    arc_names names;
    char path[ARC_PATH_BYTES];
    arc_status st = arc_dir_list(&names, &g->p->alloc, folder, MAX_ENTRIES, err);
    if (st != ARC_OK)
        return st;
    for (size_t i = 0; st == ARC_OK && i < names.count; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names.name[i]);
        if (names.name[i][0] == '.' || arc_path_kind_of(path) != kind)
            continue;
        ++*seen;
        st = visit(g, path, names.name[i], person, err);
    }
    arc_names_free(&names);
    return st;
}

static arc_status add_picture(gathering *g, const char *path, const char *name, int person, arc_error *err) {
    const char *kind = NULL;
    (void)name;
    return arc_image_kind_of_file(path, &kind, NULL) == ARC_OK && kind ? add_photo(g, path, person, err) : ARC_OK;
}

/* The pictures of a folder, by their first bytes. */
static arc_status add_folder(gathering *g, const char *folder, int person, arc_error *err) {
    int seen = 0;
    return each_entry(g, folder, ARC_PATH_FILE, add_picture, person, &seen, err);
}

static arc_status add_person(gathering *g, const char *name, arc_error *err) {
    arc_generate_people *p = g->p;
    if (p->people == MAX_PEOPLE)
        return arc_fail(err, ARC_ELIMIT, "more than %d people", MAX_PEOPLE);
    if ((p->people & (p->people - 1)) == 0) { /* grows at powers of two */
        const size_t room = p->people ? 2 * (size_t)p->people : 1;
        const char **names = arc_arena_new(&p->arena, room, sizeof *names);
        if (!names)
            return arc_fail_nomem(err, "the list of people");
        if (p->people)
            memcpy(names, p->name, (size_t)p->people * sizeof *names);
        p->name = names;
    }
    p->name[p->people] = arc_arena_strdup(&p->arena, name);
    return p->name[p->people++] ? ARC_OK : arc_fail_nomem(err, "the list of people");
}

static arc_status add_person_folder(gathering *g, const char *path, const char *name, int person, arc_error *err) {
    const arc_status st = add_person(g, name, err);
    (void)person;
    return st == ARC_OK ? add_folder(g, path, g->p->people - 1, err) : st;
}

/* The folders of a folder, each a person; how many there are. */
static arc_status add_folders(gathering *g, const char *folder, int *folders, arc_error *err) {
    return each_entry(g, folder, ARC_PATH_DIR, add_person_folder, 0, folders, err);
}

static arc_status gather(gathering *g, const char *const *paths, int count, arc_error *err) {
    const int *group = g->o->person;
    int *person = arc_arena_new(&g->p->arena, (size_t)ARC_MAX(count, 1), sizeof *person); /* of each group, plus 1; 0: none yet */
    arc_status st = person ? ARC_OK : arc_fail_nomem(err, "the list of people");
    for (int i = 0; st == ARC_OK && i < count; i++) {
        arc_path_kind kind;
        arc_path_id id;
        char name[NAME_BYTES];
        int folders = 0;
        const int own = group ? group[i] : 0;
        if (own < 0 || own >= count)
            return arc_fail(err, ARC_EINVAL, "%s: person %d; 0 to %d are possible", paths[i], own, count - 1);
        st = arc_path_look(paths[i], &kind, &id, err);
        if (st == ARC_OK && kind == ARC_PATH_DIR)
            st = add_folders(g, paths[i], &folders, err);
        if (st != ARC_OK || folders > 0)
            continue;
        arc_picture_stem(paths[i], name, sizeof name);
        if (!person[own]) {
            st = add_person(g, name, err);
            person[own] = g->p->people;
        }
        if (st == ARC_OK)
            st = kind == ARC_PATH_DIR ? add_folder(g, paths[i], person[own] - 1, err)
                                      : add_photo(g, paths[i], person[own] - 1, err);
    }
    if (st == ARC_OK && g->photos == 0)
        st = arc_fail(err, ARC_EINVAL, "%s: holds no pictures", count > 0 ? paths[0] : "no path");
    return st;
}

/* ---- what they look like ------------------------------------------------------------------------------------------------------
 */

typedef struct sums {
    gathering *g;
    int model, dim;
    int *seen;  /* [people] photos with a face */
    float *sum; /* [people][dim] */
} sums;

static arc_status take(void *arg, int64_t index, arc_result *r, arc_error *err) {
    sums *s = arg;
    const int person = s->g->photo[index].person;
    (void)err;
    if (r->status != ARC_OK || r->faces == 0) {
        arc_error why;
        arc_result_explain(r, &why);
        if (s->g->o->say && s->model == 0)
            s->g->o->say(s->g->o->say_ctx, why.text);
        return ARC_OK;
    }
    float *e = r->face[0].embedding;
    arc_embedding_normalise(e, 1, s->dim);
    for (int k = 0; k < s->dim; k++)
        s->sum[(size_t)person * (size_t)s->dim + (size_t)k] += e[k];
    s->seen[person]++;
    return ARC_OK;
}

static arc_status next_photo(void *arg, int64_t index, arc_photo *out, arc_error *err) {
    const gathering *g = arg;
    (void)err;
    *out = index < (int64_t)g->photos ? arc_photo_from_path(g->photo[index].path) : (arc_photo){.kind = ARC_PHOTO_END};
    return ARC_OK;
}

static arc_status embed_by(gathering *g, int model, const arc_model *m, arc_error *err) {
    arc_generate_people *p = g->p;
    arc_pipeline_options o;
    arc_photo_source source;
    arc_pipeline *pipeline = NULL;
    const int dim = arc_model_contract(m)->dim;
    sums s = {g, model, dim, arc_arena_new(&p->arena, (size_t)p->people, sizeof *s.seen),
              arc_arena_new(&p->arena, (size_t)p->people * (size_t)dim, sizeof *s.sum)};
    if (!s.seen || !s.sum)
        return arc_fail_nomem(err, "the people's embeddings");
    p->dim[model] = dim;
    p->embedding[model] = s.sum;
    arc_pipeline_options_default(&o);
    o.aligned = g->o->aligned;
    o.detect = g->o->detect;
    arc_photo_source_default(&source);
    source.next = next_photo;
    source.ctx = g;
    source.count = (int64_t)g->photos;
    arc_status st = arc_pipeline_new(g->ctx, g->o->detector, m, &o, &pipeline, err);
    if (st == ARC_OK)
        st = arc_pipeline_run_source(pipeline, &source, take, &s, err);
    arc_pipeline_free(&pipeline);
    for (int i = 0; st == ARC_OK && i < p->people; i++)
        if (s.seen[i] == 0)
            st = arc_fail(err, ARC_EINVAL, "%s: none of the pictures shows a face", p->name[i]);
    if (st == ARC_OK)
        arc_embedding_normalise(s.sum, p->people, dim);
    return st;
}

/* A person of one photo is also known by its name. */
static arc_status name_photos(gathering *g, arc_error *err) {
    arc_generate_people *p = g->p;
    char name[NAME_BYTES];
    int *photos = arc_arena_new(&p->arena, (size_t)p->people, sizeof *photos);
    p->photo = arc_arena_new(&p->arena, (size_t)p->people, sizeof *p->photo);
    if (!photos || !p->photo)
        return arc_fail_nomem(err, "the list of people");
    for (size_t i = 0; i < g->photos; i++) {
        const int person = g->photo[i].person;
        arc_picture_stem(g->photo[i].path, name, sizeof name);
        p->photo[person] = photos[person]++ ? NULL : arc_arena_strdup(&p->arena, name);
    }
    return ARC_OK;
}

static arc_status read_people(gathering *g, const arc_model *model, const char *const *paths, int count, arc_error *err) {
    arc_generate_people *p = g->p;
    arc_status st = gather(g, paths, count, err);
    if (st == ARC_OK)
        st = name_photos(g, err);
    p->models = 1 + g->o->judges;
    p->dim = arc_arena_new(&p->arena, (size_t)p->models, sizeof *p->dim);
    p->embedding = arc_arena_new(&p->arena, (size_t)p->models, sizeof *p->embedding);
    if (st == ARC_OK && (!p->dim || !p->embedding))
        st = arc_fail_nomem(err, "the people's embeddings");
    for (int i = 0; st == ARC_OK && i < p->models; i++)
        st = embed_by(g, i, i == 0 ? model : g->o->judge[i - 1], err);
    return st;
}

arc_status arc_generate_people_new(arc_context *ctx, const arc_model *model, const char *const *paths, int count,
                                   const arc_generate_people_options *options, arc_generate_people **out, arc_error *err) {
    arc_generate_people_options usual;
    *out = NULL;
    arc_generate_people_options_default(&usual);
    arc_status st = ARC_CHECK_OPTIONS(arc_generate_people_options, options, err);
    if (st != ARC_OK)
        return st;
    if (options && (options->judges < 0 || options->judges > ARC_GENERATE_MAX_JUDGES))
        return arc_fail(err, ARC_EINVAL, "%d judges: 0 to %d are possible", options->judges, ARC_GENERATE_MAX_JUDGES);
    arc_generate_people *p = arc_mem_new(&ctx->alloc, 1, sizeof *p);
    if (!p)
        return arc_fail_nomem(err, "people");
    p->alloc = ctx->alloc;
    arc_arena_init(&p->arena, &p->alloc, 0);
    gathering g = {.ctx = ctx, .o = options ? options : &usual, .p = p};
    st = read_people(&g, model, paths, count, err);
    arc_mem_free(&p->alloc, g.photo);
    if (st != ARC_OK)
        arc_generate_people_free(&p);
    *out = p;
    return st;
}

void arc_generate_people_free(arc_generate_people **people) {
    arc_generate_people *p = people ? *people : NULL;
    if (!p)
        return;
    const arc_alloc a = p->alloc;
    arc_arena_free(&p->arena);
    arc_mem_free(&a, p);
    *people = NULL;
}
