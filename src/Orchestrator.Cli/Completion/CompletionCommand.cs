using System.CommandLine;
using Orchestrator.Cli.Invocation;

namespace Orchestrator.Cli.Completion;

/// <summary>migctl completion: what a shell needs to complete words.</summary>
internal static class CompletionCommand
{
    // [suggest:POSITION] is the command-line library's own way of asking for completions.
    private const string Bash = """
        _migctl() {
            local IFS=$'\n'
            COMPREPLY=($(compgen -W "$(migctl "[suggest:$COMP_POINT]" "$COMP_LINE" 2>/dev/null)" -- "${COMP_WORDS[COMP_CWORD]}"))
        }
        complete -o default -F _migctl migctl
        """;

    private const string Zsh = "autoload -Uz bashcompinit && bashcompinit\n" + Bash;

    public static Command Create(Terminal terminal)
    {
        var shell = new Argument<string>("SHELL") { Description = "bash or zsh." }.AcceptOnlyFromAmong("bash", "zsh");
        var command = new Verb(
            "completion",
            "Prints the script that makes a shell complete words.",
            "completion bash > ~/.local/share/bash-completion/completions/migctl")
        {
            shell,
        };
        command.SetAction(parse => terminal.Say(parse.GetValue(shell) == "zsh" ? Zsh : Bash));
        return command;
    }
}
