FROM Base/Image
