/* The families of nets that are built from state dicts alone, with the tensors that they are known by. */
#include "format/torch/torch_internal.h"

static const arc_torch_family families[] = {
    {"arcface_torch's IResNet with SE",
     {"layer1.0.bn1.weight", "layer1.0.se.fc.0.weight", "layer1.0.se.fc.2.weight", "features.weight"},
     arc_torch_build_iresnet},
    {"arcface_torch's IResNet with SE",
     {"layer1.0.bn1.weight", "layer1.0.se.fc1.weight", "layer1.0.se.fc2.weight", "features.weight"},
     arc_torch_build_iresnet},
    {"ResNet-IR of InsightFace-v2 or arcface-pytorch",
     {"layer1.0.bn0.weight", "layer1.0.conv1.weight", "layer1.0.prelu.weight", "conv1.weight", "bn1.weight", "prelu.weight"},
     arc_torch_build_iresnet},
    {"LResNet-E-IR with MXNet's names",
     {"stage1_unit1_conv1.weight", "conv0.weight", "bn0.weight", "relu0.weight", "stage1_unit1_bn1.weight", "bn1.weight",
      "pre_fc1.weight", "fc1.running_mean"},
     arc_torch_build_iresnet},
    {"Xiaoccer's MobileFaceNet",
     {"dw_conv1.conv.weight", "linear7.conv.weight", "conv1.conv.weight", "blocks.0.conv.0.weight", "conv2.conv.weight",
      "linear1.conv.weight"},
     arc_torch_build_mobilefacenet_xiaoccer},
    {"biubug6's RetinaFace mobilenet0.25",
     {"body.stage1.0.0.weight", "LandmarkHead.0.conv1x1.weight", "fpn.output1.0.weight", "ssh1.conv3X3.0.weight",
      "ClassHead.0.conv1x1.weight", "BboxHead.0.conv1x1.weight"},
     arc_torch_build_retinaface_mnet025},
    {"MobileFaceNet of InsightFace_Pytorch",
     {"conv2_dw.conv.weight", "conv_6_dw.conv.weight", "conv1.conv.weight", "conv_23.conv.conv.weight",
      "conv_3.model.0.conv.conv.weight", "conv_6_sep.conv.weight", "linear.weight", "bn.weight"},
     arc_torch_build_mobilefacenet_tre},
    {"IR or IR-SE of face.evoLVe, InsightFace_Pytorch or AdaFace",
     {"input_layer.0.weight", "body.0.res_layer.0.weight", "body.0.res_layer.1.weight", "input_layer.2.weight",
      "output_layer.0.weight", "output_layer.3.weight", "output_layer.4.running_mean"},
     arc_torch_build_irse},
    {"GhostNet of face.evoLVe or GhostFaceNet",
     {"conv_stem.weight", "blocks.0.0.ghost1.primary_conv.0.weight", "bn1.weight", "blocks.0.0.ghost1.cheap_operation.0.weight",
      "blocks.0.0.ghost2.primary_conv.0.weight"},
     arc_torch_build_ghostnet},
    {"ViT of arcface_torch or CVLface",
     {"patch_embed.proj.weight", "feature.0.weight", "pos_embed", "blocks.0.norm1.weight", "blocks.0.attn.qkv.weight",
      "blocks.0.mlp.fc1.weight", "feature.1.weight", "feature.2.weight"},
     arc_torch_build_vit},
    {"EdgeNeXt of timm, which EdgeFace is",
     {"stem.0.weight", "stages.1.downsample.1.weight", "stem.1.weight", "stages.0.blocks.0.conv_dw.weight",
      "stages.0.blocks.0.mlp.fc1.weight", "head.norm.weight"},
     arc_torch_build_edgenext},
};

const arc_torch_family *arc_torch_families(size_t *count) {
    *count = ARC_COUNT(families);
    return families;
}
