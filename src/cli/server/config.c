/* A file of options, line by line. */
#include "server/config.h"
#include <ctype.h>
#include <string.h>

static char *trimmed(char *text) {
    text += strspn(text, " \t\r");
    for (size_t n = strlen(text); n > 0 && isspace((unsigned char)text[n - 1]); n--)
        text[n - 1] = '\0';
    return text;
}

/* The value stays in the line, which belongs to the config. */
static bool take_line(cli *c, char *line) {
    char *name = trimmed(line), *value = strchr(name, '=');
    if (*name == '\0' || *name == '#')
        return true;
    if (value) {
        *value++ = '\0';
        value = trimmed(value);
    }
    name = trimmed(name);
    if (strcmp(name, "config") == 0) {
        cli_usage(c, "a file of options cannot name another one");
        return false;
    }
    return cli_set(c, name, value);
}

int cli_config_read(cli *c, const char *path, cli_config *out) {
    arc_error err = {0};
    char **line = NULL;
    int lines = 0, code = CLI_OK;
    *out = (cli_config){.text = NULL};
    if (arc_photo_paths_load(c->ctx, path, &line, &lines, &err) != ARC_OK)
        return cli_fail(&err);
    out->text = cli_new((size_t)lines, sizeof *out->text);
    for (int i = 0; code == CLI_OK && i < lines; i++) {
        char *copy = cli_new(strlen(line[i]) + 1, 1);
        memcpy(copy, line[i], strlen(line[i]));
        out->text[out->count++] = copy;
        if (!take_line(c, copy))
            code = CLI_USAGE;
    }
    arc_photo_paths_free(c->ctx, &line);
    return code;
}

void cli_config_free(cli_config *config) {
    for (int i = 0; i < config->count; i++)
        cli_free(config->text[i]);
    cli_free(config->text);
    *config = (cli_config){.text = NULL};
}
