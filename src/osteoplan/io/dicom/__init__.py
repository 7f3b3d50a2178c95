"""DICOM in: images, contours, segmentations and dose, read in a child process and without a person's name."""
