/* The kit's page: what is in it, and the commands that people copy. One page. */
#include "deploy/kit/kit.h"

static const char files_text[] =
    "| file | what it is |\n"
    "|---|---|\n"
    "| `" ARC_KIT_ARCHIVE
    "` | NN Archive, the source of every conversion: the network, its description, its head (EmbeddingsParser) |\n"
    "| `" ARC_KIT_ONNX "` | the same network alone |\n"
    "| `" ARC_KIT_ZIP "`, `" ARC_KIT_SHEET "` | aligned faces to calibrate on, and all of them on one sheet: look at it once |\n"
    "| `rvc2.yaml`, `rvc4.yaml` | modelconverter's settings, each quantization mode explained |\n"
    "| `" ARC_KIT_REFERENCE "/` | pictures, and the float32 embeddings that the network gives for them, to compare with |\n"
    "| `" ARC_KIT_SUMS "` | digests; `arcface export check .` holds everything here against everything else |\n";

static const char commands_text[] =
    "## Convert with modelconverter\n"
    "\n"
    "`pip install modelconv`, and docker. Run in this folder; results go to `output/`.\n"
    "\n"
    "```sh\n"
    "modelconverter convert rvc2 --path " ARC_KIT_ARCHIVE "\n"
    "\n"
    "python3 -m zipfile -e " ARC_KIT_ZIP " " ARC_KIT_UNPACKED "   # modelconverter reads a folder\n"
    "modelconverter convert rvc4 --path " ARC_KIT_ARCHIVE " calibration.path ./" ARC_KIT_UNPACKED
    " rvc4.quantization_mode INT8_STANDARD\n"
    "```\n"
    "\n"
    "Without `calibration.path` it calibrates on noise. From a YAML file it makes the network without its head.\n"
    "\n"
    "## Or with HubAI\n"
    "\n"
    "`pip install hubai-sdk`, and a key in `HUBAI_API_KEY`. Without `quantization_data` HubAI calibrates on pictures of "
    "anything.\n"
    "\n"
    "```python\n"
    "import os\n"
    "from hubai_sdk import HubAIClient\n"
    "\n"
    "client = HubAIClient(api_key=os.environ[\"HUBAI_API_KEY\"])\n"
    "client.convert.RVC2(path=\"" ARC_KIT_ARCHIVE "\", name=\"arcface\")\n";

static const char after_text[] =
    "```\n"
    "\n"
    "## Before and after\n"
    "\n"
    "```sh\n"
    "# is the kit whole, does everything agree?\n"
    "arcface export check .\n"
    "# what a device's arithmetic will cost; also rvc2, rvc4-int16\n"
    "arcface export " ARC_KIT_ONNX " --simulate rvc4-int8 " ARC_KIT_UNPACKED "\n"
    "# what a device would stumble over\n"
    "arcface archive verify output/NAME/arcface.rvc4.tar.xz\n"
    "# does the device still know the faces?\n"
    "arcface compare --reference " ARC_KIT_REFERENCE " --candidate device.npy\n"
    "```\n"
    "\n"
    "`device.npy`: float32 `[N,%lld]`, what the device gave for `" ARC_KIT_REFERENCE
    "/NAME.png`, NAME by NAME as in `" ARC_KIT_REFERENCE "/names.txt`. Pixels go in as they are: blue,\n"
    "green, red, 0 to 255. Numbers of 8 or 16 bits have to be made float first: (number - zero point) * scale, or `--scale S\n"
    "--zero-point Z`.\n";

void arc_kit_readme(arc_text *t, const arc_kit_network *n, const arc_kit_report *r) {
    arc_text_add(
        t,
        "# Conversion kit: a face embedder for OAK cameras\n"
        "\n"
        "Input `%s` `[1,3,%lld,%lld]`: one aligned face, blue, green, red, 0 to 255, not normalised. Output `%s` `[1,%lld]`: "
        "its embedding, %s.\n"
        "%d faces to calibrate on and %d to compare with, no face in both, chosen as unlike each other as %lld pictures "
        "allow.\n"
        "\n",
        ARC_DEPLOY_INPUT, (long long)n->height_px, (long long)n->width_px, ARC_DEPLOY_OUTPUT, (long long)n->dim,
        n->l2 ? "of length 1" : "not normalised: compare by cosine", r->calibration, r->reference, (long long)r->pictures);
    arc_text_add(t, "%s\n%s", files_text, commands_text);
    arc_text_add(t,
                 "client.convert.RVC4(path=\"" ARC_KIT_ARCHIVE "\", name=\"arcface\", quantization_mode=\"INT8_STANDARD\",\n"
                 "                    quantization_data=\"" ARC_KIT_ZIP "\", max_quantization_images=%d)\n",
                 r->calibration);
    arc_text_add(t, after_text, (long long)n->dim);
}
