/* server/route: writing the document at /openapi.json. */
#include "server/route/openapi.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>

static const char *const role_names[] = {
    [ARC_ROLE_ANYBODY] = "anybody", [ARC_ROLE_READ] = "read", [ARC_ROLE_ENROL] = "enrol", [ARC_ROLE_ADMIN] = "admin"};

/* ---- what goes in ---- */

static void put_parameters(arc_text *t, const arc_route *route) {
    const char *comma = "";
    arc_text_add(t, ", \"parameters\": [");
    for (const char *at = route->path; (at = strchr(at, '{')); at++) {
        arc_text_add(
            t,
            "%s{\"name\": \"%.*s\", \"in\": \"path\", \"required\": true, \"schema\": {\"type\": \"integer\", \"minimum\": 1}}",
            comma, (int)strcspn(at + 1, "}"), at + 1);
        comma = ", ";
    }
    for (const arc_route_field *f = route->fields; f && f->name; f++) {
        arc_text_add(t, "%s{\"name\": \"%s\", \"in\": \"query\", \"schema\": %s, \"description\": ", comma, f->name, f->schema);
        arc_text_quote(t, f->what);
        arc_text_add(t, "}");
        comma = ", ";
    }
    arc_text_add(t, "]");
}

/* An object of photos with these names. file: as a form has them, else as base64. */
static void put_photos(arc_text *t, const char *const *names, bool file) {
    arc_text_add(t, "{\"schema\": {\"type\": \"object\", \"properties\": {");
    for (int i = 0; names[i]; i++)
        arc_text_add(t, "%s\"%s\": {\"type\": \"string\", %s}", i ? ", " : "", names[i],
                     file ? "\"contentMediaType\": \"application/octet-stream\"" : "\"contentEncoding\": \"base64\"");
    arc_text_add(t, "}, \"required\": [");
    for (int i = 0; names[i]; i++)
        arc_text_add(t, "%s\"%s\"", i ? ", " : "", names[i]);
    arc_text_add(t, "]}}");
}

static void put_body(arc_text *t, const arc_route *route) {
    static const char *const one[] = {"photo", NULL}, *const two[] = {"a", "b", NULL};
    const char *const *names = route->body == ARC_BODY_PHOTOS ? two : one;
    if (route->body == ARC_BODY_NONE)
        return;
    arc_text_add(t, ", \"requestBody\": {\"required\": true, \"content\": {");
    if (route->body == ARC_BODY_JSON) {
        arc_text_add(t, "\"application/json\": {\"schema\": {\"$ref\": \"#/components/schemas/%s\"}}", route->takes);
    } else if (route->body == ARC_BODY_ARCHIVE) {
        arc_text_add(t, "\"application/x-tar\": {}, \"application/zip\": {}, \"application/octet-stream\": {}");
    } else {
        arc_text_add(t, "\"multipart/form-data\": ");
        put_photos(t, names, true);
        arc_text_add(t, ", \"application/json\": ");
        put_photos(t, names, false);
        if (route->body == ARC_BODY_PHOTO)
            arc_text_add(t, ", \"image/jpeg\": {}, \"image/png\": {}, \"application/octet-stream\": {}");
    }
    arc_text_add(t, "}}");
}

/* ---- what comes out ---- */

/* What every request to a route may meet. */
static unsigned common_problems(const arc_route *route) {
    unsigned set =
        ARC_PROBLEM_BIT(BAD_REQUEST) | ARC_PROBLEM_BIT(TOO_LARGE) | ARC_PROBLEM_BIT(INTERNAL) | ARC_PROBLEM_BIT(OVERLOADED);
    if (route->role != ARC_ROLE_ANYBODY)
        set |= ARC_PROBLEM_BIT(UNAUTHORIZED) | ARC_PROBLEM_BIT(FORBIDDEN) | ARC_PROBLEM_BIT(RATE_LIMITED);
    if (route->fields)
        set |= ARC_PROBLEM_BIT(INVALID_PARAMETER);
    if (strchr(route->path, '{'))
        set |= ARC_PROBLEM_BIT(NOT_FOUND);
    if (route->body == ARC_BODY_PHOTO || route->body == ARC_BODY_PHOTOS)
        set |= ARC_PROBLEM_BIT(MISSING_PHOTO) | ARC_PROBLEM_BIT(BAD_PHOTO) | ARC_PROBLEM_BIT(PHOTO_TOO_LARGE);
    if (route->body != ARC_BODY_NONE)
        set |= ARC_PROBLEM_BIT(UNSUPPORTED_TYPE) | ARC_PROBLEM_BIT(INVALID_PARAMETER);
    return set;
}

/* All problems of one status, told together. */
static void put_failures(arc_text *t, const arc_route *route, const char *failure) {
    const unsigned set = common_problems(route) | route->problems;
    for (int i = 0; i < ARC_PROBLEMS; i++) {
        const int status = arc_problem_status((arc_problem)i);
        bool first = true, told = false;
        for (int k = 0; k < i; k++)
            told |= (set & 1u << k) && arc_problem_status((arc_problem)k) == status;
        if (!(set & 1u << i) || told)
            continue;
        arc_text_add(t, ", \"%d\": {\"description\": \"", status);
        for (int k = i; k < ARC_PROBLEMS; k++) {
            if (!(set & 1u << k) || arc_problem_status((arc_problem)k) != status)
                continue;
            arc_text_add(t, "%s%s: %s", first ? "" : "; ", arc_problem_code((arc_problem)k), arc_problem_text((arc_problem)k));
            first = false;
        }
        arc_text_add(t, "\", \"content\": {\"application/json\": {\"schema\": {\"$ref\": \"#/components/schemas/%s\"}}}}",
                     failure);
    }
}

static void put_success(arc_text *t, const arc_route *route) {
    arc_text_add(t, ", \"responses\": {\"%d\": {\"description\": ", route->status);
    arc_text_quote(t, route->what);
    if (route->gives && strchr(route->gives, '/'))
        arc_text_add(t, ", \"content\": {\"%s\": {}}", route->gives);
    else if (route->gives)
        arc_text_add(t, ", \"content\": {\"application/json\": {\"schema\": {\"$ref\": \"#/components/schemas/%s\"}}}",
                     route->gives);
    arc_text_add(t, "}");
}

/* ---- the document ---- */

static void put_route(arc_text *t, const arc_route_group *group, const arc_route *route, bool first) {
    arc_text_add(t, "%s\n      \"", first ? "" : ",");
    for (const char *m = route->method; *m; m++)
        arc_text_add(t, "%c", tolower((unsigned char)*m));
    arc_text_add(t, "\": {\"operationId\": \"%s\", \"tags\": [\"%s\"], \"summary\": ", route->id, route->tag);
    arc_text_quote(t, route->what);
    arc_text_add(t, ", \"x-role\": \"%s\"", role_names[route->role]);
    arc_text_add(t, route->role == ARC_ROLE_ANYBODY ? ", \"security\": []" : "");
    put_parameters(t, route);
    put_body(t, route);
    put_success(t, route);
    put_failures(t, route, group->failure);
    arc_text_add(t, "}}");
}

/* All methods of an address are one entry: that of the first row that has it. Routes without an id are not for programs. */
static void put_group(arc_text *t, const arc_route_group *group, bool *first) {
    for (int i = 0; i < group->routes; i++) {
        const char *path = group->route[i].path;
        bool told = !group->route[i].id, first_method = true;
        for (int k = 0; k < i; k++)
            told |= strcmp(group->route[k].path, path) == 0;
        if (told)
            continue;
        arc_text_add(t, "%s\n    \"%s\": {", *first ? "" : ",", path);
        *first = false;
        for (int k = i; k < group->routes; k++) {
            if (strcmp(group->route[k].path, path) != 0)
                continue;
            put_route(t, group, &group->route[k], first_method);
            first_method = false;
        }
        arc_text_add(t, "}");
    }
}

void arc_route_openapi(struct arc_server *server, arc_http_request *request, arc_http_response *response) {
    arc_text *t = &response->text;
    bool first = true;
    (void)request;
    arc_text_add(t,
                 "{\n  \"openapi\": \"3.1.0\",\n  \"info\": {\"title\": \"arcface\", \"version\": \"%s\", \"summary\": \"Face "
                 "recognition: detection, embeddings, verification and a gallery of people\"},\n",
                 arc_version());
    arc_text_add(t, "  \"servers\": [{\"url\": \"/\"}],\n  \"security\": [{}, {\"bearer\": []}, {\"key\": []}],\n  \"paths\": {");
    for (int g = 0; server->groups[g]; g++)
        put_group(t, server->groups[g], &first);
    arc_text_add(
        t, "\n  },\n  \"components\": {\n    \"securitySchemes\": {\"bearer\": {\"type\": \"http\", \"scheme\": \"bearer\"}, "
           "\"key\": {\"type\": \"apiKey\", \"in\": \"header\", \"name\": \"x-api-key\"}},\n    \"schemas\": {");
    first = true;
    for (int g = 0; server->groups[g]; g++)
        for (const arc_route_schema *s = server->groups[g]->schemas; s && s->name; s++) {
            arc_text_add(t, "%s\n      \"%s\": %s", first ? "" : ",", s->name, s->schema);
            first = false;
        }
    arc_text_add(t, "\n    }\n  }\n}\n");
}
