/* server/api: the schemas of /v1, in JSON Schema. */
#include "server/api/schemas.h"

#define REF(name) "{\"$ref\": \"#/components/schemas/" name "\"}"
#define ARRAY(items) "{\"type\": \"array\", \"items\": " items "}"
#define INTEGER "{\"type\": \"integer\"}"
#define NUMBER "{\"type\": \"number\"}"
#define STRING "{\"type\": \"string\"}"
#define BOOLEAN "{\"type\": \"boolean\"}"
#define TIME "{\"type\": \"string\", \"format\": \"date-time\"}"
#define OBJECT(required, properties) "{\"type\": \"object\", \"required\": [" required "], \"properties\": {" properties "}}"

#define PHOTO_PROPERTIES                                                                                                         \
    "\"width\": " INTEGER ", \"height\": " INTEGER ", \"faces_found\": " INTEGER ", \"damaged\": " BOOLEAN                       \
    ", \"looks\": " ARRAY("{\"enum\": [\"turned\", \"border\", \"tiles\"]}")
#define FACE_PROPERTIES                                                                                                          \
    "\"box\": {\"type\": \"array\", \"items\": " NUMBER ", \"minItems\": 4, \"maxItems\": 4}, \"score\": " NUMBER                \
    ", \"landmarks\": {\"type\": \"array\", \"minItems\": 5, \"maxItems\": 5, \"items\": " ARRAY(                                \
        NUMBER) "}"                                                                                                              \
                ", \"turned\": {\"enum\": [90, 180, 270]}, \"quality\": " NUMBER ", \"norm\": " NUMBER
#define ANSWER_PROPERTIES                                                                                                        \
    "\"known\": " BOOLEAN ", \"identity\": " INTEGER ", \"name\": " STRING ", \"threshold\": " NUMBER                            \
    ", \"threshold_far\": " NUMBER ", \"threshold_fpir\": " NUMBER ", \"margin_to_second\": " NUMBER ", \"compared\": " INTEGER  \
    ", \"matches\": " ARRAY(REF("Match"))
/* What a person may be given; NAME: how its name is required. */
#define WISH(required)                                                                                                           \
    "{\"type\": \"object\", \"additionalProperties\": false" required ", \"properties\": {\"name\": {\"type\": \"string\", "     \
    "\"minLength\": 1, \"maxLength\": 250, \"pattern\": \"^[^\\\\x00-\\\\x1f\\\\x7f]+$\"}, \"note\": {\"type\": "                \
    "[\"object\", \"null\"]}, \"threshold\": {\"type\": [\"number\", \"null\"], \"minimum\": -1, \"maximum\": 1}}}"

const arc_route_schema arc_api_schemas[] = {
    {"Error",
     OBJECT("\"error\"", "\"error\": " OBJECT("\"code\", \"message\", \"request_id\"",
                                              "\"code\": " STRING ", \"message\": " STRING ", \"request_id\": " STRING))},
    {"Health", OBJECT("\"status\", \"version\"", "\"status\": {\"const\": \"ok\"}, \"version\": " STRING)},
    {"Ready", OBJECT("\"status\"", "\"status\": {\"const\": \"ready\"}")},
    {"Face", OBJECT("\"box\", \"score\", \"landmarks\"", FACE_PROPERTIES)},
    {"Detected",
     OBJECT("\"width\", \"height\", \"faces_found\", \"faces\"", PHOTO_PROPERTIES ", \"faces\": " ARRAY(REF("Face")))},
    {"EmbeddedFace",
     OBJECT("\"box\", \"score\", \"landmarks\", \"norm\", \"embedding\"", FACE_PROPERTIES ", \"embedding\": " ARRAY(NUMBER))},
    {"Embedded", OBJECT("\"width\", \"height\", \"faces_found\", \"dim\", \"faces\"",
                        PHOTO_PROPERTIES ", \"dim\": " INTEGER ", \"faces\": " ARRAY(REF("EmbeddedFace")))},
    {"VerifiedPhoto", OBJECT("\"width\", \"height\", \"faces_found\", \"face\"", PHOTO_PROPERTIES ", \"face\": " REF("Face"))},
    {"Verified", OBJECT("\"same\", \"cosine\", \"angle_degrees\", \"threshold\", \"a\", \"b\"",
                        "\"same\": " BOOLEAN ", \"cosine\": " NUMBER ", \"angle_degrees\": " NUMBER ", \"threshold\": " NUMBER
                        ", \"probability\": " NUMBER ", \"far\": " NUMBER ", \"far_of_threshold\": " NUMBER
                        ", \"a\": " REF("VerifiedPhoto") ", \"b\": " REF("VerifiedPhoto"))},
    {"Match", OBJECT("\"identity\", \"name\", \"template\", \"cosine\", \"accepted\", \"ruled_out\"",
                     "\"identity\": " INTEGER ", \"name\": " STRING ", \"template\": " INTEGER ", \"cosine\": " NUMBER
                     ", \"best_cosine\": " NUMBER ", \"threshold\": " NUMBER ", \"probability\": " NUMBER ", \"far\": " NUMBER
                     ", \"accepted\": " BOOLEAN ", \"ruled_out\": " BOOLEAN)},
    {"IdentifiedFace", OBJECT("\"box\", \"score\", \"landmarks\", \"known\", \"compared\", \"matches\"",
                              FACE_PROPERTIES ", " ANSWER_PROPERTIES ", \"embedding\": " ARRAY(NUMBER))},
    {"Identified", OBJECT("\"width\", \"height\", \"faces_found\", \"known\", \"unknown\", \"faces\"", PHOTO_PROPERTIES
                          ", \"known\": " INTEGER ", \"unknown\": " INTEGER ", \"faces\": " ARRAY(REF("IdentifiedFace")))},
    {"Question", "{\"type\": \"object\", \"additionalProperties\": false, \"required\": [\"embeddings\"], \"properties\": {"
                 "\"embeddings\": {\"type\": \"array\", \"minItems\": 1, \"maxItems\": 256, \"items\": " ARRAY(
                     NUMBER) "}"
                             ", \"top\": {\"type\": \"integer\", \"minimum\": 1, \"maximum\": 1000}"
                             ", \"threshold\": {\"type\": \"number\", \"minimum\": -1, \"maximum\": 1}"
                             ", \"fpir\": {\"type\": \"number\", \"exclusiveMinimum\": 0, \"exclusiveMaximum\": 1}}}"},
    {"Answer", OBJECT("\"known\", \"compared\", \"matches\"", ANSWER_PROPERTIES)},
    {"Found", OBJECT("\"identities\", \"templates\", \"model_sha256\", \"results\"",
                     "\"identities\": " INTEGER ", \"templates\": " INTEGER ", \"model_sha256\": " STRING
                     ", \"results\": " ARRAY(REF("Answer")))},
    {"NewIdentity", WISH(", \"required\": [\"name\"]")},
    {"Change", WISH("")},
    {"Identity", OBJECT("\"id\", \"name\", \"templates\", \"created\", \"changed\"",
                        "\"id\": " INTEGER ", \"name\": " STRING ", \"templates\": " INTEGER ", \"threshold\": " NUMBER
                        ", \"note\": {\"type\": \"object\"}, \"created\": " TIME ", \"changed\": " TIME)},
    {"Merge", "{\"type\": \"object\", \"additionalProperties\": false, \"required\": [\"from\"], \"properties\": {\"from\": "
              "{\"type\": \"integer\", \"minimum\": 1}}}"},
    {"Rejection", "{\"type\": \"object\", \"additionalProperties\": false, \"required\": [\"embedding\"], \"properties\": "
                  "{\"embedding\": " ARRAY(NUMBER) "}}"},
    {"AuditLine", OBJECT("\"id\", \"time\", \"actor\", \"action\", \"subject\", \"detail\"",
                         "\"id\": " INTEGER ", \"time\": " TIME ", \"actor\": " STRING ", \"action\": " STRING
                         ", \"subject\": " STRING ", \"detail\": " STRING)},
    {"Audit", OBJECT("\"entries\"", "\"entries\": " ARRAY(REF("AuditLine")) ", \"previous\": " INTEGER)},
    {"Identities", OBJECT("\"identities\"", "\"identities\": " ARRAY(REF("Identity")) ", \"next\": " INTEGER)},
    {"Enrolled", OBJECT("\"id\", \"identity\", \"stored\", \"face\"",
                        "\"id\": " INTEGER ", \"identity\": " INTEGER ", \"stored\": " BOOLEAN ", \"nearest_cosine\": " NUMBER
                        ", \"doubt\": " STRING ", \"face\": " REF("Face"))},
    {"Template", OBJECT("\"id\", \"identity\", \"created\"",
                        "\"id\": " INTEGER ", \"identity\": " INTEGER ", \"quality\": " NUMBER ", \"created\": " TIME)},
    {"Templates", OBJECT("\"templates\"", "\"templates\": " ARRAY(REF("Template")))},
    {"Gallery",
     OBJECT("\"name\", \"store\", \"identities\", \"templates\", \"dim\", \"model_sha256\"",
            "\"name\": " STRING ", \"store\": " STRING ", \"identities\": " INTEGER ", \"templates\": " INTEGER
            ", \"crops\": " INTEGER ", \"negatives\": " INTEGER ", \"revision\": " INTEGER ", \"dim\": " INTEGER
            ", \"model_sha256\": " STRING ", \"fusion\": {\"enum\": [\"max\", \"mean\", \"quality\"]}, \"sealed\": " BOOLEAN
            ", \"protected\": " BOOLEAN ", \"calibrated\": " BOOLEAN ", \"threshold\": " NUMBER ", \"store_bytes\": " INTEGER
            ", \"index_bytes\": " INTEGER ", \"memory_bytes\": " INTEGER ", \"binding\": {\"type\": \"object\"}")},
    {"Galleries", OBJECT("\"galleries\"", "\"galleries\": " ARRAY(REF("Gallery")))},
    {"Model", OBJECT("\"task\", \"name\", \"sha256\"", "\"task\": {\"enum\": [\"detect\", \"embed\"]}, \"name\": " STRING
                                                       ", \"sha256\": " STRING ", \"parameters\": " INTEGER ", \"macs\": " INTEGER
                                                       ", \"int8\": " BOOLEAN ", \"dim\": " INTEGER ", \"threshold\": " NUMBER)},
    {"Models", OBJECT("\"models\"", "\"models\": " ARRAY(REF("Model")))},
    {"Job", OBJECT("\"id\", \"state\", \"photos\", \"stored\", \"before\", \"failed\"",
                   "\"id\": " INTEGER ", \"state\": {\"enum\": [\"waiting\", \"running\", \"done\", \"failed\", \"cancelled\"]}"
                   ", \"photos\": " INTEGER ", \"stored\": " INTEGER ", \"before\": " INTEGER ", \"failed\": " INTEGER
                   ", \"doubtful\": " INTEGER ", \"new_people\": " INTEGER ", \"problems\": " ARRAY(OBJECT(
                       "\"photo\", \"code\", \"message\"", "\"photo\": " STRING ", \"code\": " STRING
                                                           ", \"message\": " STRING)) ", \"created\": " TIME ", \"ended\": " TIME
                                                                                      ", \"error\": " STRING)},
    {"Jobs", OBJECT("\"jobs\"", "\"jobs\": " ARRAY(REF("Job")))},
    {NULL, NULL},
};
