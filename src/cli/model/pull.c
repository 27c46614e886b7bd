/* arcface pull: known public model packs into the cache, after showing size and licence and asking. */
#include "ui/cli.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void put_size(cli_text *t, int64_t bytes) {
    if (bytes > 0)
        cli_printf(t, "%8.1f MB", (double)bytes / 1e6);
    else
        cli_printf(t, "%11s", "size ?");
}

static int list(void) {
    size_t count;
    const arc_hub_entry *e = arc_hub_list(&count);
    cli_text t = {0};
    for (size_t i = 0; i < count; i++) {
        cli_printf(&t, "%-16s", e[i].name);
        put_size(&t, e[i].bytes);
        cli_printf(&t, "  %s\n%29s%s; %s\n", e[i].what, "", e[i].licence,
                   e[i].sha256 ? "SHA-256 known" : "checksum trusted on first use");
    }
    return cli_text_print(&t);
}

static int unknown_pack(cli *c, const char *name) {
    size_t count;
    const arc_hub_entry *e = arc_hub_list(&count);
    const char *nearest = NULL;
    for (size_t i = 0; i < count; i++)
        nearest = arc_nearer_word(name, e[i].name, CLI_NEAR_LETTERS, nearest);
    if (nearest)
        return cli_usage(c, "unknown pack \"%s\", did you mean \"%s\"?", name, nearest);
    return cli_usage(c, "unknown pack \"%s\"; \"arcface pull --list\" shows the known ones", name);
}

/* Shows what would come; asks on a terminal, insists on --accept-license without one. */
static int agree(cli *c, const arc_hub_entry *e, const char *from) {
    cli_text t = {0};
    cli_printf(&t, "%s: %s\nfrom    %s\nsize   ", e->name, e->what, from ? from : e->url);
    put_size(&t, e->bytes);
    cli_printf(&t, "\nlicence %s\nSHA-256 %s\n", e->licence,
               e->sha256 ? e->sha256 : "not published: recorded now, compared from then on");
    cli_text_print(&t);
    fflush(stdout);
    if (cli_given(c, "accept-license"))
        return CLI_OK;
    if (!isatty(STDIN_FILENO))
        return cli_usage(c, "standard input is not a terminal; give --accept-license if you accept the licence");
    printf("Fetch it under this licence? [y/N] ");
    fflush(stdout);
    char answer[16] = "";
    if (fgets(answer, sizeof answer, stdin) && tolower((unsigned char)answer[0]) == 'y')
        return CLI_OK;
    return CLI_NO;
}

static int run(cli *c) {
    if (cli_given(c, "list"))
        return list();
    if (c->arg_count == 0)
        return cli_usage(c, "pull needs the NAME of a pack, or --list");
    arc_pull_options opt;
    arc_error err = {0};
    cli_progress bar;
    char path[CLI_PATH_BYTES];
    arc_pull_options_default(&opt);
    const arc_hub_entry *e = arc_hub_find(c->args[0]);
    if (!e)
        return unknown_pack(c, c->args[0]);
    opt.from = cli_value(c, "from");
    opt.verify_only = cli_given(c, "verify");
    opt.progress = cli_progress_tick;
    opt.progress_ctx = &bar;
    int code = opt.verify_only ? CLI_OK : agree(c, e, opt.from);
    if (code != CLI_OK)
        return code;
    cli_progress_start(&bar, c, e->name);
    bar.bytes = true;
    arc_status st = arc_pull(c->ctx, e->name, &opt, path, sizeof path, &err);
    cli_progress_end(&bar);
    if (st != ARC_OK)
        return cli_fail(&err);
    printf("%s %s\n", opt.verify_only ? "verified" : "ready in", path);
    return CLI_OK;
}

static const cli_option options[] = {
    CLI_FLAG("list", 0, "the known packs, their sizes and licences"),
    CLI_FILE("from", 0, "WHERE", NULL, "a folder, file or http(s) address instead of the pack's own"),
    CLI_FLAG("accept-license", 'y', "accept the licence without being asked; needed when standard input is not a terminal"),
    CLI_FLAG("verify", 0, "only compare what is in the cache with the recorded checksums"),
    {0},
};

const cli_command cli_pull = {
    .group = CLI_GROUP_MODELS,
    .name = "pull",
    .args = "NAME",
    .takes = CLI_IS_WORD,
    .words = "buffalo_l buffalo_m buffalo_s buffalo_sc antelopev2 arcfaceresnet100-8 arcfaceresnet100-11-int8 yunet sface",
    .max_args = 1,
    .what = "fetch a public model pack (shows the licence and asks)",
    .about =
        "Shows size and licence of a known public model pack, asks, fetches it, compares its SHA-256 and unpacks it into the "
        "cache.",
    .no = "the licence was declined",
    .example = "arcface pull buffalo_s",
    .options = options,
    .run = run,
};
