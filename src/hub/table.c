/* hub: the public models that `pull` knows. Every hash here is confirmed by at least two independent public repositories; a
 * model without such a source has no hash here and is trusted on first use. */
#include "hub/hub_internal.h"
#include <string.h>

#define RESEARCH "InsightFace model zoo: non-commercial research purposes only"
#define INSIGHTFACE "https://github.com/deepinsight/insightface/releases/download/v0.7/"
#define ONNX_ZOO "https://github.com/onnx/models/raw/main/validated/vision/body_analysis/arcface/model/"
#define OPENCV_ZOO "https://github.com/opencv/opencv_zoo/raw/main/models/"

static const arc_hub_entry entries[] = {
    {"buffalo_l", INSIGHTFACE "buffalo_l.zip", "buffalo_l.zip", 288621354,
     "80ffe37d8a5940d59a7384c201a2a38d4741f2f3c51eef46ebb28218a7b0ca2f", RESEARCH, "SCRFD 10G and IResNet-50 (WebFace600K)"},
    {"buffalo_m", INSIGHTFACE "buffalo_m.zip", "buffalo_m.zip", 0, NULL, RESEARCH, "SCRFD 2.5G and IResNet-50 (WebFace600K)"},
    {"buffalo_s", INSIGHTFACE "buffalo_s.zip", "buffalo_s.zip", 0, NULL, RESEARCH,
     "SCRFD 500M and MobileFaceNet (WebFace600K), with extras"},
    {"buffalo_sc", INSIGHTFACE "buffalo_sc.zip", "buffalo_sc.zip", 0,
     "57d31b56b6ffa911c8a73cfc1707c73cab76efe7f13b675a05223bf42de47c72", RESEARCH, "SCRFD 500M and MobileFaceNet (WebFace600K)"},
    {"antelopev2", INSIGHTFACE "antelopev2.zip", "antelopev2.zip", 360662982,
     "8e182f14fc6e80b3bfa375b33eb6cff7ee05d8ef7633e738d1c89021dcf0c5c5", RESEARCH, "SCRFD 10G and IResNet-100 (Glint360K)"},
    {"arcfaceresnet100-8", ONNX_ZOO "arcfaceresnet100-8.onnx", "arcfaceresnet100-8.onnx", 261036388,
     "f3a6bc281e72f88862f5748b53be3d76b3b48f8f1ab1f4a537941bdc4e1b01da", "Apache-2.0 (ONNX model zoo)",
     "ArcFace ResNet-100, raw RGB input"},
    {"arcfaceresnet100-11-int8", ONNX_ZOO "arcfaceresnet100-11-int8.onnx", "arcfaceresnet100-11-int8.onnx", 65764892,
     "c625ca68a422418c48aa84f73341337e0a92b111f327909005d1eec07c95f936", "Apache-2.0 (ONNX model zoo)", "the same in int8"},
    {"yunet", OPENCV_ZOO "face_detection_yunet/face_detection_yunet_2023mar.onnx", "face_detection_yunet_2023mar.onnx", 232589,
     "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4", "MIT (OpenCV zoo)", "YuNet face detector"},
    {"sface", OPENCV_ZOO "face_recognition_sface/face_recognition_sface_2021dec.onnx", "face_recognition_sface_2021dec.onnx", 0,
     "0ba9fbfa01b5270c96627c4ef784da859931e02f04419c829e83484087c34e79", "Apache-2.0 (OpenCV zoo)", "SFace recogniser"},
};

#define W600K_R50 "4c06341c33c2ca1f86781dab0e829f88ad5b64be9fba56e56bc9ebdefc619e43"
#define W600K_MBF "9cc6e4a75f0e2bf0b1aed94578f144d15175f357bdc05e815e5c4a02b319eb4f"
#define GLINT_R100 "4ab1d6435d639628a6f3e5008dd4f929edf4c4124b1a7169e1048f9fef534cdf"
#define SCRFD_10G "5838f7fe053675b1c7a08b633df49e7af5495cee0493c7dcf6697200b85b5b91"
#define SCRFD_500M "5e4447f50245bbd7966bd6c0fa52938c61474a04ec7def48753668a9d8b4ea3a"

/* A single file is its own member; the entry has its hash. */
static const arc_hub_member members[] = {
    {"buffalo_l", "w600k_r50.onnx", W600K_R50, ARC_TASK_EMBED},
    {"buffalo_l", "det_10g.onnx", SCRFD_10G, ARC_TASK_DETECT},
    {"buffalo_m", "w600k_r50.onnx", W600K_R50, ARC_TASK_EMBED},
    {"buffalo_m", "det_2.5g.onnx", NULL, ARC_TASK_DETECT},
    {"buffalo_s", "w600k_mbf.onnx", W600K_MBF, ARC_TASK_EMBED},
    {"buffalo_s", "det_500m.onnx", SCRFD_500M, ARC_TASK_DETECT},
    {"buffalo_sc", "w600k_mbf.onnx", W600K_MBF, ARC_TASK_EMBED},
    {"buffalo_sc", "det_500m.onnx", SCRFD_500M, ARC_TASK_DETECT},
    {"antelopev2", "glintr100.onnx", GLINT_R100, ARC_TASK_EMBED},
    {"antelopev2", "scrfd_10g_bnkps.onnx", SCRFD_10G, ARC_TASK_DETECT},
    {"arcfaceresnet100-8", "arcfaceresnet100-8.onnx", NULL, ARC_TASK_EMBED},
    {"arcfaceresnet100-11-int8", "arcfaceresnet100-11-int8.onnx", NULL, ARC_TASK_EMBED},
    {"yunet", "face_detection_yunet_2023mar.onnx", NULL, ARC_TASK_DETECT},
    {"sface", "face_recognition_sface_2021dec.onnx", NULL, ARC_TASK_EMBED},
};

const arc_hub_entry *arc_hub_list(size_t *count) {
    *count = ARC_COUNT(entries);
    return entries;
}

const arc_hub_entry *arc_hub_find(const char *name) {
    for (size_t i = 0; i < ARC_COUNT(entries); i++)
        if (strcmp(entries[i].name, name) == 0)
            return &entries[i];
    return NULL;
}

const arc_hub_member *arc_hub_members(size_t *count) {
    *count = ARC_COUNT(members);
    return members;
}

bool arc_hub_is_archive(const arc_hub_entry *entry) {
    size_t n = strlen(entry->file);
    return n > 4 && strcmp(entry->file + n - 4, ".zip") == 0;
}

const arc_hub_member *arc_hub_member_find(const arc_hub_pack *pack, const char *file, arc_task task) {
    for (size_t i = 0; i < pack->members; i++) {
        const arc_hub_member *m = &pack->member[i];
        if (strcmp(m->pack, pack->entry->name) == 0 && (!file || strcmp(m->file, file) == 0) &&
            (task == ARC_TASK_UNKNOWN || m->task == task))
            return m;
    }
    return NULL;
}
