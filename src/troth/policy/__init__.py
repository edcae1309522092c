# SPDX-License-Identifier: Apache-2.0
"""Is it what we want? Verified facts and a policy go in; acceptance, or the rules that said no.

policy = parse_policy(text, "prod.toml")
appraise_tdx(verified, policy, trace)         # DeniedError, or it returns
judgement = judge(data, JudgeOptions(...))    # all of it at once, as one value
"""

from troth.policy.document import Policy, parse_policy
from troth.policy.inputs import Endorsements, JudgeOptions
from troth.policy.judgement import Judgement, judge
from troth.policy.tdx import TdxPolicy, appraise_tdx
from troth.policy.template import policy_template

__all__ = [
    "Endorsements",
    "JudgeOptions",
    "Judgement",
    "Policy",
    "TdxPolicy",
    "appraise_tdx",
    "judge",
    "parse_policy",
    "policy_template",
]
