/* server/api: the table of routes. A new one is a row here, its handler, and the schema of its answer. */
#include "server/api/table.h"
#include "server/api/api.h"
#include "server/api/failure.h"
#include "server/api/schemas.h"
#include "server/ops/health.h"
#include "server/route/openapi.h"

#define BIT(name) ARC_PROBLEM_BIT(name)
#define FLAG "{\"type\": \"boolean\", \"default\": false}"

static const arc_route_field embed_fields[] = {
    {"largest", FLAG, "the embedding of the largest face only"},
    {"aligned", FLAG, "the photo is a ready crop: nothing is searched"},
    {NULL, NULL, NULL},
};
static const arc_route_field verify_fields[] = {
    {"threshold", "{\"type\": \"number\", \"minimum\": -1, \"maximum\": 1}",
     "cosine from which on it is one person; the model's"},
    {NULL, NULL, NULL},
};
static const arc_route_field identify_fields[] = {
    {"largest", FLAG, "the largest face only"},
    {"embeddings", FLAG, "with the embedding of every face"},
    {"top", "{\"type\": \"integer\", \"minimum\": 1, \"maximum\": 1000, \"default\": 5}", "most matches of an answer"},
    {"threshold", "{\"type\": \"number\", \"minimum\": -1, \"maximum\": 1}", "cosine from which on somebody is known"},
    {"fpir", "{\"type\": \"number\", \"minimum\": 1e-9, \"maximum\": 0.999}",
     "share of strangers that may be taken for somebody, of calibrated models"},
    {NULL, NULL, NULL},
};
static const arc_route_field gallery_fields[] = {
    {"binding", FLAG, "with its model and how it decides, for a server that searches it together with others"},
    {NULL, NULL, NULL},
};
static const arc_route_field list_fields[] = {
    {"limit", "{\"type\": \"integer\", \"minimum\": 1, \"maximum\": 1000, \"default\": 100}", "most people in an answer"},
    {"after", "{\"type\": \"integer\", \"minimum\": 0, \"default\": 0}", "those behind this id: \"next\" of the page before"},
    {"name", "{\"type\": \"string\", \"minLength\": 1, \"maxLength\": 250, \"pattern\": \"^[^\\\\x00-\\\\x1f\\\\x7f]+$\"}",
     "the one of this name only"},
    {NULL, NULL, NULL},
};
static const arc_route_field audit_fields[] = {
    {"limit", "{\"type\": \"integer\", \"minimum\": 1, \"maximum\": 1000, \"default\": 100}", "most lines in an answer"},
    {"before", "{\"type\": \"integer\", \"minimum\": 1}", "those in front of this id: \"previous\" of the answer before"},
    {NULL, NULL, NULL},
};
static const arc_route_field enrol_fields[] = {
    {"largest", FLAG, "of several faces the largest; else such a photo is refused"},
    {"strict", FLAG, "refuse a face that is unlike the person's others; else it is stored with a doubt"},
    {NULL, NULL, NULL},
};

static const arc_route_field bulk_fields[] = {
    {"largest", FLAG, "of several faces in a photo the largest; else such a photo is refused"},
    {NULL, NULL, NULL},
};

/* Method, address, least role, in place, photos go through the batcher, handler, tag, id, what, fields, body, its schema, status,
 * schema of the answer, problems. */
static const arc_route routes[] = {
    {"GET", "/healthz", ARC_ROLE_ANYBODY, true, false, arc_ops_health, "operations", "health", "The server lives", NULL,
     ARC_BODY_NONE, NULL, 200, "Health", 0},
    {"GET", "/readyz", ARC_ROLE_ANYBODY, true, false, arc_ops_ready, "operations", "ready", "The server can work", NULL,
     ARC_BODY_NONE, NULL, 200, "Ready", BIT(STOPPING)},
    {"GET", "/metrics", ARC_ROLE_ANYBODY, true, false, arc_ops_metrics, "operations", "metrics",
     "Counters and histograms in Prometheus' format", NULL, ARC_BODY_NONE, NULL, 200, "text/plain", 0},
    {"GET", "/openapi.json", ARC_ROLE_ANYBODY, true, false, arc_route_openapi, "operations", "openapi", "This document", NULL,
     ARC_BODY_NONE, NULL, 200, "application/json", 0},
    {"POST", "/v1/detect", ARC_ROLE_READ, false, true, arc_api_detect, "faces", "detect", "Faces of a photo", NULL,
     ARC_BODY_PHOTO, NULL, 200, "Detected", 0},
    {"POST", "/v1/embed", ARC_ROLE_READ, false, true, arc_api_embed, "faces", "embed", "Faces of a photo with their embeddings",
     embed_fields, ARC_BODY_PHOTO, NULL, 200, "Embedded", 0},
    {"POST", "/v1/verify", ARC_ROLE_READ, false, true, arc_api_verify, "faces", "verify",
     "Whether the largest faces of two photos are one person's", verify_fields, ARC_BODY_PHOTOS, NULL, 200, "Verified",
     BIT(NO_FACE)},
    {"POST", "/v1/identify", ARC_ROLE_READ, false, true, arc_api_identify_photo, "gallery", "identify",
     "Who is in a photo, every face", identify_fields, ARC_BODY_PHOTO, NULL, 200, "Identified", BIT(NOT_FOUND)},
    {"POST", "/v1/search", ARC_ROLE_READ, false, false, arc_api_search, "gallery", "search",
     "Who has embeddings like these, by exact cosines", NULL, ARC_BODY_JSON, "Question", 200, "Found", BIT(NOT_FOUND)},
    {"GET", "/v1/identities", ARC_ROLE_READ, false, false, arc_api_identities_list, "gallery", "listIdentities",
     "People of the gallery, in the order of their ids", list_fields, ARC_BODY_NONE, NULL, 200, "Identities", BIT(NOT_FOUND)},
    {"POST", "/v1/identities", ARC_ROLE_ENROL, false, false, arc_api_identities_add, "gallery", "addIdentity", "Add a person",
     NULL, ARC_BODY_JSON, "NewIdentity", 201, "Identity", BIT(CONFLICT) | BIT(NOT_FOUND)},
    {"GET", "/v1/identities/{id}", ARC_ROLE_READ, false, false, arc_api_identity_get, "gallery", "getIdentity", "A person", NULL,
     ARC_BODY_NONE, NULL, 200, "Identity", 0},
    {"PATCH", "/v1/identities/{id}", ARC_ROLE_ENROL, false, false, arc_api_identity_change, "gallery", "changeIdentity",
     "Give a person another name, note or threshold", NULL, ARC_BODY_JSON, "Change", 200, "Identity", BIT(CONFLICT)},
    {"DELETE", "/v1/identities/{id}", ARC_ROLE_ADMIN, false, false, arc_api_identity_remove, "gallery", "removeIdentity",
     "Remove a person with all templates and crops", NULL, ARC_BODY_NONE, NULL, 204, NULL, 0},
    {"POST", "/v1/identities/{id}/merge", ARC_ROLE_ADMIN, false, false, arc_api_identity_merge, "gallery", "mergeIdentities",
     "Give this person all templates of another, who is then gone", NULL, ARC_BODY_JSON, "Merge", 200, "Identity", 0},
    {"POST", "/v1/identities/{id}/rejections", ARC_ROLE_ENROL, false, false, arc_api_identity_reject, "gallery", "reject",
     "This face is not that person, and will not be taken for them again", NULL, ARC_BODY_JSON, "Rejection", 204, NULL, 0},
    {"GET", "/v1/identities/{id}/templates", ARC_ROLE_READ, false, false, arc_api_templates_list, "gallery", "listTemplates",
     "Templates of a person", NULL, ARC_BODY_NONE, NULL, 200, "Templates", 0},
    {"POST", "/v1/identities/{id}/templates", ARC_ROLE_ENROL, false, true, arc_api_templates_add, "gallery", "enrol",
     "Enrol a photo of a person; on the disk when this is answered", enrol_fields, ARC_BODY_PHOTO, NULL, 201, "Enrolled",
     BIT(NO_FACE) | BIT(SEVERAL_FACES) | BIT(CONFLICT) | BIT(DOUBTFUL)},
    {"DELETE", "/v1/identities/{id}/templates/{template}", ARC_ROLE_ADMIN, false, false, arc_api_template_remove, "gallery",
     "removeTemplate", "Remove a template and its crop", NULL, ARC_BODY_NONE, NULL, 204, NULL, 0},
    {"GET", "/v1/identities/{id}/templates/{template}/crop", ARC_ROLE_READ, false, false, arc_api_template_crop, "gallery",
     "getCrop", "The aligned crop of a template", NULL, ARC_BODY_NONE, NULL, 200, "image/png", 0},
    {"GET", "/v1/galleries", ARC_ROLE_READ, false, false, arc_api_galleries, "gallery", "listGalleries",
     "What the gallery of this server is", gallery_fields, ARC_BODY_NONE, NULL, 200, "Galleries", 0},
    {"GET", "/v1/audit", ARC_ROLE_ADMIN, false, false, arc_api_audit, "gallery", "listAudit",
     "The last lines of the audit log, the oldest of them first", audit_fields, ARC_BODY_NONE, NULL, 200, "Audit",
     BIT(NOT_FOUND)},
    {"GET", "/v1/models", ARC_ROLE_READ, false, false, arc_api_models, "operations", "listModels", "The models of this server",
     NULL, ARC_BODY_NONE, NULL, 200, "Models", 0},
    {"GET", "/v1/jobs", ARC_ROLE_READ, false, false, arc_api_jobs_list, "jobs", "listJobs", "Jobs since the server was started",
     NULL, ARC_BODY_NONE, NULL, 200, "Jobs", 0},
    {"POST", "/v1/jobs", ARC_ROLE_ENROL, false, false, arc_api_jobs_add, "jobs", "addJob",
     "Enrol a tar or zip archive of photos in folders of their people's names", bulk_fields, ARC_BODY_ARCHIVE, NULL, 202, "Job",
     BIT(NOT_FOUND)},
    {"GET", "/v1/jobs/{id}", ARC_ROLE_READ, false, false, arc_api_job_get, "jobs", "getJob", "How far a job is", NULL,
     ARC_BODY_NONE, NULL, 200, "Job", 0},
    {"DELETE", "/v1/jobs/{id}", ARC_ROLE_ENROL, false, false, arc_api_job_cancel, "jobs", "cancelJob",
     "Cancel a job; what it stored stays", NULL, ARC_BODY_NONE, NULL, 200, "Job", 0},
};

const arc_route_group arc_api_group = {
    .prefix = "",
    .route = routes,
    .routes = ARC_COUNT(routes),
    .schemas = arc_api_schemas,
    .failure = "Error",
    .write_failure = arc_api_write_failure,
};
