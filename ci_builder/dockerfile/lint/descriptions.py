"""What each lint rule asks for, in one sentence, for programs that show it beside what was found."""

from __future__ import annotations

DESCRIPTIONS = {
    "ConsistentInstructionCasing": "All instructions are written in the same case",
    "CopyIgnoredFile": "What is copied is not left out by .dockerignore",
    "DuplicateStageName": "Each stage has a name of its own",
    "ExposeInvalidFormat": "EXPOSE names a port of the container only",
    "ExposeProtoCasing": "The protocol in EXPOSE is in lower case",
    "FromAsCasing": "AS is in the case of FROM",
    "FromPlatformFlagConstDisallowed": "FROM --platform is no constant",
    "InvalidBaseImagePlatform": "The base image is for the platform that is built for",
    "InvalidDefaultArgInFrom": "FROM names an image without any build args",
    "InvalidDefinitionDescription": "A comment right above an ARG or a stage begins with its name",
    "JSONArgsRecommended": "CMD and ENTRYPOINT are in exec form, so that the program gets the signals",
    "LegacyKeyValueFormat": "Pairs are written as key=value",
    "MaintainerDeprecated": "A label takes the place of MAINTAINER",
    "MultipleInstructionsDisallowed": "A stage has one CMD, one ENTRYPOINT and one HEALTHCHECK at most",
    "NoEmptyContinuation": "A continued instruction has no blank lines",
    "RedundantTargetPlatform": "FROM --platform is not the default",
    "ReservedStageName": "No stage is called scratch or context",
    "SecretsUsedInArgOrEnv": "Secrets are not in ARG and ENV, where the image shows them",
    "StageNameCasing": "Names of stages are in lower case",
    "UndefinedArgInFrom": "Variables in FROM are declared above the first one",
    "UndefinedVar": "Variables are set before they are used",
    "WorkdirRelativePath": "WORKDIR hangs on no folder of the base image",
}
