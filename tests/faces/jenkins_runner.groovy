// Runs a declarative Jenkinsfile: real Groovy, real `sh -xe` steps with the environment that Jenkins would
// give them. It knows what examples/jenkins/Jenkinsfile uses and fails on anything else. No Jenkins: no
// sandbox, no plugins, no agents.
//
//   groovy jenkins_runner.groovy JENKINSFILE JOB.json
//
// JOB.json: {"workspace": …, "environment": {…}, "credentials": {ID: {"username": …, "password": …}}}

import groovy.json.JsonSlurper

class Build {
    Map environment
    Map credentials
    File workspace
    List masked = []

    void log(text) {
        println masked.inject(text.toString()) { shown, secret -> shown.replace(secret, '****') }
    }

    String shell(String script, boolean returnOutput) {
        def file = File.createTempFile('step', '.sh')
        file.text = script
        def builder = new ProcessBuilder('sh', '-xe', file.path).directory(workspace)
        builder.environment().clear()
        environment.each { name, value -> builder.environment().put(name.toString(), value.toString()) }
        def process = builder.start()
        process.outputStream.close()
        def errors = Thread.start { process.errorStream.eachLine { log(it) } }
        def output = new StringBuilder()
        process.inputStream.eachLine { line -> returnOutput ? output.append(line).append('\n') : log(line) }
        errors.join()
        file.delete()
        int code = process.waitFor()
        if (code) throw new RuntimeException("script returned exit code ${code}")
        return output.toString()
    }

    def scoped(Map extra, Closure body) {
        def before = environment
        environment = before + extra
        try { return body() } finally { environment = before }
    }
}

// Gives a block its vocabulary: names that the delegate lacks are an error, as in Jenkins.
abstract class Block {
    protected Build build
    protected void fill(Closure body, Object words) {
        body.delegate = words
        body.resolveStrategy = Closure.DELEGATE_FIRST
        body()
    }
    def getEnv() { new Variables(build: build) }
    def methodMissing(String name, Object arguments) {
        throw new RuntimeException("No such DSL method '${name}' found")
    }
}

class Variables {
    Build build
    def getProperty(String name) { name == 'build' ? this.@build : this.@build.environment[name] }
}

class Steps extends Block {
    def sh(String script) { build.shell(script, false) }
    def sh(Map options) { build.shell(options.script.toString(), options.returnStdout ?: false) }
    def echo(message) { build.log(message) }
    def script(Closure body) { fill(body, this) }
    def container(String name, Closure body) { fill(body, this) }
    def usernamePassword(Map binding) { binding }
    def withCredentials(List bindings, Closure body) {
        def extra = [:]
        bindings.each { binding ->
            def credential = build.credentials[binding.credentialsId]
            if (!credential) throw new RuntimeException("Could not find credentials '${binding.credentialsId}'")
            extra[binding.usernameVariable] = credential.username
            extra[binding.passwordVariable] = credential.password
            build.masked << credential.password
        }
        build.scoped(extra) { fill(body, this) }
    }
    def archiveArtifacts(Map options) {
        if (!new File(build.workspace, options.artifacts).isFile()) {
            throw new RuntimeException("No artifacts found that match '${options.artifacts}'")
        }
        build.log("Archived ${options.artifacts}")
    }
}

class Conditions extends Block {
    boolean met = true
    def buildingTag() { met = met && build.environment.TAG_NAME }
}

class Stage extends Block {
    Closure work
    boolean wanted = true
    def when(Closure body) {
        def conditions = new Conditions(build: build)
        fill(body, conditions)
        wanted = conditions.met
    }
    def steps(Closure body) { work = body }
}

class Stages extends Block {
    def stage(String name, Closure body) {
        def stage = new Stage(build: build)
        fill(body, stage)
        build.log("[Pipeline] { (${name})${stage.wanted ? '' : ' skipped due to when conditional'}")
        if (stage.wanted) fill(stage.work, new Steps(build: build))
    }
}

class Assignments extends Block {
    void setProperty(String name, Object value) {
        if (name == 'build') { this.@build = value; return }
        build.environment = build.environment + [(name): value.toString()]
    }
}

class Agent extends Block {
    def kubernetes(Closure body) { fill(body, this) }
    def yamlFile(String path) { if (!new File(path).name) throw new RuntimeException('no yamlFile') }
    def defaultContainer(String name) { }
}

class Options extends Block {
    def disableConcurrentBuilds() { }
}

class Ends extends Block {
    Map bodies = [:]
    def always(Closure body) { bodies.always = body }
    def success(Closure body) { bodies.success = body }
    def failure(Closure body) { bodies.failure = body }
}

class Pipeline extends Block {
    Closure work
    Ends ends
    def agent(Closure body) { fill(body, new Agent(build: build)) }
    def options(Closure body) { fill(body, new Options(build: build)) }
    def environment(Closure body) { fill(body, new Assignments(build: build)) }
    def stages(Closure body) { work = body }
    def post(Closure body) { ends = new Ends(build: build); fill(body, ends) }

    boolean run() {
        boolean passed = true
        try {
            fill(work, new Stages(build: build))
        } catch (Exception error) {
            passed = false
            build.log("ERROR: ${error.message}")
        }
        ['always', passed ? 'success' : 'failure'].each { name ->
            if (ends?.bodies?.get(name)) fill(ends.bodies[name], new Steps(build: build))
        }
        return passed
    }
}

def job = new JsonSlurper().parse(new File(args[1]))
def build = new Build(environment: job.environment, credentials: job.credentials, workspace: new File(job.workspace))
def pipeline = new Pipeline(build: build)
def words = new Binding()
words.setVariable('pipeline') { Closure body ->
    body.delegate = pipeline
    body.resolveStrategy = Closure.DELEGATE_FIRST
    body()
}
boolean passed = false
try {
    new GroovyShell(words).evaluate(new File(args[0]))
    passed = pipeline.run()
} catch (Exception error) {
    build.log("ERROR: ${error.message}")
}
println "Finished: ${passed ? 'SUCCESS' : 'FAILURE'}"
System.exit(passed ? 0 : 1)
