/* All commands, in the order of help and manual: the one list, which main.c hands to whoever asks for it (ui/commands.c finds in
 * it). */
#include "commands.h"

extern const cli_command cli_detect, cli_align, cli_embed, cli_verify, cli_generate;
extern const cli_command cli_enroll, cli_identify, cli_gallery_info, cli_gallery_list, cli_gallery_show, cli_gallery_set;
extern const cli_command cli_gallery_rename, cli_gallery_merge, cli_gallery_remove, cli_gallery_reject, cli_gallery_check;
extern const cli_command cli_gallery_audit_log, cli_gallery_stats, cli_gallery_export, cli_gallery_import, cli_gallery_migrate;
extern const cli_command cli_gallery_protect, cli_gallery_rekey, cli_gallery_renew;
extern const cli_command cli_serve;
extern const cli_command cli_pull, cli_model_info, cli_model_probe, cli_model_new, cli_convert, cli_quantize, cli_export;
extern const cli_command cli_compare, cli_export_check, cli_archive_info, cli_archive_verify, cli_card;
extern const cli_command cli_train, cli_plot;
extern const cli_command cli_data_synth, cli_data_pack, cli_data_unpack, cli_data_merge, cli_data_split, cli_data_dedup;
extern const cli_command cli_data_clean, cli_data_audit, cli_data_info, cli_data_verify, cli_data_repair, cli_data_make_bin;
extern const cli_command cli_eval_lfw, cli_eval_pairs, cli_eval_bin, cli_eval_folder, cli_eval_identify, cli_eval_megaface;
extern const cli_command cli_eval_ytf, cli_eval_ijb, cli_eval_compare, cli_calibrate;
extern const cli_command cli_bench, cli_bench_pipeline, cli_bench_data, cli_bench_roofline, cli_profile;
extern const cli_command cli_generate_eval, cli_audit_templates;
extern const cli_command cli_demo, cli_version, cli_help;

const cli_command *const cli_commands[] = {
    &cli_detect,
    &cli_align,
    &cli_embed,
    &cli_verify,
    &cli_generate,
    &cli_enroll,
    &cli_identify,
    &cli_gallery_info,
    &cli_gallery_list,
    &cli_gallery_show,
    &cli_gallery_set,
    &cli_gallery_rename,
    &cli_gallery_merge,
    &cli_gallery_remove,
    &cli_gallery_reject,
    &cli_gallery_check,
    &cli_gallery_audit_log,
    &cli_gallery_stats,
    &cli_gallery_export,
    &cli_gallery_import,
    &cli_gallery_migrate,
    &cli_gallery_protect,
    &cli_gallery_rekey,
    &cli_gallery_renew,
    &cli_serve,
    &cli_pull,
    &cli_model_info,
    &cli_model_probe,
    &cli_model_new,
    &cli_convert,
    &cli_quantize,
    &cli_export,
    &cli_export_check,
    &cli_compare,
    &cli_archive_info,
    &cli_archive_verify,
    &cli_card,
    &cli_train,
    &cli_plot,
    &cli_data_synth,
    &cli_data_pack,
    &cli_data_unpack,
    &cli_data_merge,
    &cli_data_split,
    &cli_data_dedup,
    &cli_data_clean,
    &cli_data_audit,
    &cli_data_info,
    &cli_data_verify,
    &cli_data_repair,
    &cli_data_make_bin,
    &cli_eval_lfw,
    &cli_eval_pairs,
    &cli_eval_bin,
    &cli_eval_folder,
    &cli_eval_ytf,
    &cli_eval_ijb,
    &cli_eval_identify,
    &cli_eval_megaface,
    &cli_eval_compare,
    &cli_calibrate,
    &cli_generate_eval,
    &cli_audit_templates,
    &cli_bench,
    &cli_bench_data,
    &cli_bench_pipeline,
    &cli_bench_roofline,
    &cli_profile,
    &cli_demo,
    &cli_version,
    &cli_help,
    NULL,
};
